module espalier.dev

go 1.26
