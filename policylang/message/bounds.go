package message

import (
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Three parts of the library's parser take time in the square of a text's length: a link that never closes is searched to
// the end of its paragraph, definitions of links are taken out of theirs one by one, and each mark of emphasis is compared
// with those before it. All are stopped early.
const (
	deadLinks     = 200   // brackets before a parenthesis that come to nothing; further ones are text
	emphasisMarks = 2_000 // of a paragraph; further ones are text
	deadBrackets  = 2_000 // other ones
	longParagraph = 2_000 // lines of a paragraph that is searched for definitions

	linkPriority     = 200 // as in the library
	emphasisPriority = 500
	refersPriority   = 100
	tablePriority    = 200
	bareLinkPriority = 999
)

// bounded is the library's parser with these bounds.
func bounded() parser.Parser {
	inline := parser.DefaultInlineParsers()
	for i, p := range inline {
		switch p.Priority {
		case linkPriority:
			inline[i] = util.Prioritized(&links{parser.NewLinkParser()}, linkPriority)
		case emphasisPriority:
			inline[i] = util.Prioritized(&emphasis{parser.NewEmphasisParser()}, emphasisPriority)
		}
	}
	return parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...),
		parser.WithInlineParsers(append(inline, util.Prioritized(bareLinks{}, bareLinkPriority))...),
		parser.WithParagraphTransformers(util.Prioritized(definitions{}, refersPriority), util.Prioritized(pipes{}, tablePriority)),
	)
}

// links reads links, up to the bound of those that come to nothing.
type links struct{ parser.InlineParser }

var deadKey = parser.NewContextKey()

// dead counts what came to nothing in a text.
type dead struct{ links, brackets int }

// Parse reads a link if one ends here.
func (l *links) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	line, _ := block.PeekLine()
	if len(line) == 0 || line[0] != ']' {
		return l.InlineParser.Parse(parent, block, pc)
	}
	d, _ := pc.Get(deadKey).(*dead)
	if d == nil {
		d = &dead{}
		pc.Set(deadKey, d)
	}
	count, most := &d.brackets, deadBrackets
	if len(line) > 1 && line[1] == '(' {
		count, most = &d.links, deadLinks
	}
	if *count >= most {
		return nil
	}
	n := l.InlineParser.Parse(parent, block, pc)
	if n == nil {
		*count++
	}
	return n
}

// CloseBlock turns what did not become a link into text.
func (l *links) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	l.InlineParser.(parser.CloseBlocker).CloseBlock(parent, block, pc)
}

// emphasis reads marks of emphasis, up to the bound of a paragraph.
type emphasis struct{ parser.InlineParser }

var marksKey = parser.NewContextKey()

// Parse reads the marks that stand here.
func (e *emphasis) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	marks, _ := pc.Get(marksKey).(int)
	if marks >= emphasisMarks {
		return nil
	}
	pc.Set(marksKey, marks+1)
	return e.InlineParser.Parse(parent, block, pc)
}

// CloseBlock begins to count anew.
func (e *emphasis) CloseBlock(_ ast.Node, _ text.Reader, pc parser.Context) { pc.Set(marksKey, 0) }

// definitions takes definitions of links out of paragraphs.
type definitions struct{}

// Transform takes them out of one that is not too long.
func (definitions) Transform(n *ast.Paragraph, r text.Reader, pc parser.Context) {
	if n.Lines().Len() <= longParagraph {
		parser.LinkReferenceParagraphTransformer.Transform(n, r, pc)
	}
}
