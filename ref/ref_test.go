package ref

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want string // printed in full; "" = an error
	}{
		{"ref:nam:::iam:user:123", "ref:nam:::iam:user:123"},
		{"ref:nam:100::iam:group:1", "ref:nam:100::iam:group:1"},
		{"ref:nam:100::iam:membership:578:12345", "ref:nam:100::iam:membership:578:12345"},
		{"ref:nam:1234:project/2345:policy:policy-template:65fe", "ref:nam:1234:project/2345:policy:policy-template:65fe"},
		{"ref::3::policy:published-template:a", "ref::3::policy:published-template:a"},
		{"ref:::project/2345:policy:policy-template:a", "ref:::project/2345:policy:policy-template:a"},
		{"ref:::org/2345:policy:published-template:a", "ref::2345::policy:published-template:a"},
		{"ref:nam:7:org/8:policy:published-template:a", ""},
		{"ref:nam:-1::iam:group:1", ""},
		{"ref:nam:1:team/8:iam:group:1", ""},
		{"ref:nam:1::iam:group:", ""},
		{"ref:nam:1::iam", ""},
		{"iam#user:123", ""},
		{"", ""},
	}
	for _, tt := range tests {
		r, err := Parse(tt.in)
		got := ""
		if err == nil {
			got = r.String()
		}
		if got != tt.want {
			t.Errorf("Parse(%q): got %q (%v), want %q", tt.in, got, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("ref:nam:1234:project/2345:policy:policy-template:65fe")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Errorf("Parse(%q) = %+v, printed and parsed again %+v, %v", s, r, again, err)
		}
	})
}
