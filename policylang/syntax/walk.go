package syntax

// Inspect calls visit for node and, while visit returns true, for all that is below it, in the order of the source.
func Inspect(node Node, visit func(Node) bool) {
	if node == nil || !visit(node) {
		return
	}
	for _, child := range children(node) {
		Inspect(child, visit)
	}
}

// Inspect calls visit for every item of the file as the function Inspect does.
func (f *File) Inspect(visit func(Node) bool) {
	for _, i := range f.Items {
		Inspect(i, visit)
	}
}

func children(node Node) []Node {
	switch n := node.(type) {
	case *Statement:
		list := nodes(n.Args)
		if n.Body != nil {
			list = append(list, n.Body)
		}
		return list
	case *Body:
		return nodes(n.Items)
	case *ObjectItem:
		return []Node{n.Object}
	case *Arg:
		return []Node{n.Value}
	case *Call:
		return nodes(n.Args)
	case *List:
		return nodes(n.Elems)
	case *Object:
		list := make([]Node, len(n.Pairs))
		for i := range n.Pairs {
			list[i] = n.Pairs[i].Value
		}
		return list
	case *Unary:
		return []Node{n.X}
	case *Binary:
		return []Node{n.X, n.Y}
	case *Paren:
		return []Node{n.X}
	}
	return nil
}

func nodes[T Node](list []T) []Node {
	out := make([]Node, len(list))
	for i, n := range list {
		out[i] = n
	}
	return out
}
