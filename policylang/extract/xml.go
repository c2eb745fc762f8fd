package extract

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"espalier.dev/policylang/value"
)

// Node is a document, an element or a text of an XML document. It settles to its text.
type Node struct {
	kind         nodeKind
	prefix, name string // of an element
	text         string // of a text
	attributes   []attribute

	parent, first, last, previous, next *Node
}

type nodeKind uint8

const (
	document nodeKind = iota
	element
	textNode
)

type attribute struct{ prefix, name, value string }

// Settle is the text of all that is in the node.
func (n *Node) Settle() value.Value { return n.content() }

// Kind is "an XML node".
func (n *Node) Kind() string { return "an XML node" }

// Member is what the function val takes of a node: the first child element with that name, or else the attribute. It is
// null if there is neither.
func (n *Node) Member(name string) value.Value {
	for c := n.first; c != nil; c = c.next {
		if c.kind == element && c.name == name {
			return c
		}
		if n.kind == document {
			return c.Member(name)
		}
	}
	for _, a := range n.attributes {
		if a.name == name {
			return a.value
		}
	}
	return nil
}

func (n *Node) content() string {
	if n.kind == textNode {
		return n.text
	}
	if n.first != nil && n.first == n.last {
		return n.first.content()
	}
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *Node) write(b *strings.Builder) {
	b.WriteString(n.text)
	for c := n.first; c != nil; c = c.next {
		c.write(b)
	}
}

// blank reports whether a node is text of blank space alone.
func (n *Node) blank() bool { return n.kind == textNode && strings.TrimSpace(n.text) == "" }

func (n *Node) add(c *Node) {
	c.parent, c.previous = n, n.last
	if n.last == nil {
		n.first = c
	} else {
		n.last.next = c
	}
	n.last = c
}

func (n *Node) remove(c *Node) {
	if c.previous == nil {
		n.first = c.next
	} else {
		c.previous.next = c.next
	}
	if c.next == nil {
		n.last = c.previous
	} else {
		c.next.previous = c.previous
	}
}

// sizeOfNode is what a node takes besides its text, and an attribute too.
const (
	sizeOfNode      = 144
	sizeOfAttribute = 48
)

// treeBuilder makes the tree of a document. Comments and processing instructions are left out, and so is blank space between
// elements.
type treeBuilder struct {
	*budget
	tokens *xml.Decoder
	depth  int
	most   int // of depth
	at     *Node
	names  map[string]string // each name is kept once
}

// parseXML reads a document. Unless the character set is known, the document itself may declare one.
func parseXML(body []byte, known bool, l value.Limits) (value.Value, error) {
	b := treeBuilder{budget: newBudget("XML", l), tokens: xml.NewDecoder(bytes.NewReader(body)), most: l.WithDefaults().Depth, at: &Node{}, names: map[string]string{}}
	b.tokens.CharsetReader = charsetReader
	if known {
		b.tokens.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	}
	for {
		t, err := b.tokens.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = b.add(t)
		}
		if err != nil {
			return nil, b.explain(err)
		}
	}
	if b.depth > 0 {
		return nil, b.explain(fmt.Errorf("it ends within the element %s", b.at.name))
	}
	if b.at.first == nil {
		return nil, b.explain(errors.New("there is no element in it"))
	}
	return b.at, nil
}

// charsetReader reads the character set that the document itself declares.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	if isUTF8(charset) {
		return r, nil
	}
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("it is in the character set %q, which is not known", charset)
	}
	return e.NewDecoder().Reader(r), nil
}

func (b *treeBuilder) explain(err error) error {
	if _, isLimit := errors.AsType[*value.LimitError](err); isLimit {
		return err
	}
	if e, ok := errors.AsType[*xml.SyntaxError](err); ok {
		message := e.Msg
		if strings.HasPrefix(message, "invalid character entity") {
			message += ": only the five entities of XML and references to characters are known"
		}
		return fmt.Errorf("XML, line %d: %s", e.Line, message)
	}
	line, _ := b.tokens.InputPos()
	return fmt.Errorf("XML, line %d: %w", line, err)
}

func (b *treeBuilder) add(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return b.open(t)
	case xml.EndElement:
		return b.close(t)
	case xml.CharData:
		return b.text(t)
	case xml.Directive:
		if bytes.Contains(t, []byte("<!ENTITY")) || bytes.HasPrefix(bytes.TrimSpace(t), []byte("ENTITY")) {
			return errors.New("the document defines entities of its own, which are refused since they can grow without bound")
		}
	}
	return nil
}

func (b *treeBuilder) open(t xml.StartElement) error {
	if b.depth++; b.depth > b.most {
		return &value.LimitError{Limit: "depth", Message: fmt.Sprintf("XML: it is nested more than %d levels deep", b.most)}
	}
	if b.at.kind == document && b.at.first != nil {
		return errors.New("there is a second element outside of the first")
	}
	n := &Node{kind: element, prefix: b.known(t.Name.Space), name: b.known(t.Name.Local)}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		n.attributes = append(n.attributes, attribute{b.known(a.Name.Space), b.known(a.Name.Local), a.Value})
		if err := b.take(sizeOfAttribute + len(a.Value)); err != nil {
			return err
		}
	}
	b.at.add(n)
	b.at = n
	return b.take(sizeOfNode)
}

func (b *treeBuilder) close(t xml.EndElement) error {
	if b.depth == 0 || t.Name.Local != b.at.name || t.Name.Space != b.at.prefix {
		return fmt.Errorf("the end of %s, but that of %s should be here", t.Name.Local, b.at.name)
	}
	b.depth--
	if b.at.first != b.at.last || b.at.first != nil && b.at.first.kind == element {
		for c := b.at.first; c != nil; c = c.next {
			if c.blank() {
				b.at.remove(c)
			}
		}
	}
	b.at = b.at.parent
	return nil
}

func (b *treeBuilder) text(t xml.CharData) error {
	if b.depth == 0 {
		if len(bytes.TrimSpace(t)) > 0 {
			return errors.New("there is text outside of the first element")
		}
		return nil
	}
	if last := b.at.last; last != nil && last.kind == textNode { // a CDATA section in the middle of a text
		last.text += string(t)
		return b.take(len(last.text)) // the whole, so that many pieces end soon
	}
	b.at.add(&Node{kind: textNode, text: string(t)})
	return b.take(sizeOfNode + len(t))
}

func (b *treeBuilder) known(name string) string {
	if k, ok := b.names[name]; ok {
		return k
	}
	b.names[name] = name
	return name
}
