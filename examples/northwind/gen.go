//go:build ignore

// Gen writes customers.csv: 250 invented customers of Northwind MSP, the same ones every time.
//
//	go run gen.go > customers.csv
package main

import (
	"encoding/csv"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"
)

const customers = 250

// today is the day that dates are past, near and far from.
var today = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

// country says how companies and people are called there. Words of industries are in the order of industries.
type country struct {
	name, region string
	form         string // of a company's name: {stem}, {word}
	stems        []string
	words        []string
	cities       []string
	first, last  []string
}

var industries = []string{"manufacturing", "logistics", "health", "retail", "energy", "food", "finance", "education"}

var countries = []country{
	{"Germany", "emea", "{stem} {word} GmbH",
		[]string{"Lindenau", "Brückner", "Falkenried", "Weißenbach", "Grünwald & Söhne", "Nordhang", "Sauertal"},
		[]string{"Maschinenbau", "Logistik", "Kliniken", "Handelshaus", "Energie", "Backwaren", "Treuhand", "Akademie"},
		[]string{"Kassel", "Lübeck", "Jena", "Würzburg"},
		[]string{"Jürgen", "Anke", "Lukas", "Käthe", "Moritz"}, []string{"Brückner", "Seidel", "Vogt", "Weiß", "Lorenz"}},
	{"France", "emea", "{word} {stem} SARL",
		[]string{"Beauvallon", "de l'Étang", "Clairmont", "du Bréau", "Montférand", "Saint-Aubry"},
		[]string{"Ateliers", "Transports", "Cliniques", "Comptoirs", "Énergies", "Fromageries", "Conseil", "Écoles"},
		[]string{"Angers", "Nîmes", "Besançon", "Lille"},
		[]string{"Élodie", "Benoît", "Margaux", "Théo", "Agnès"}, []string{"Delaunay", "Lefèvre", "Garnier", "Besson", "Chauvin"}},
	{"United Kingdom", "emea", "{stem} {word} Ltd",
		[]string{"Ashcombe", "Thornbury Vale", "O'Hara & Pike", "Whitlow", "Marsh Lane", "Pennygate", "Harrowdale"},
		[]string{"Engineering", "Haulage", "Care", "Stores", "Power", "Bakeries", "Mutual", "Schools Trust"},
		[]string{"Leeds", "Swansea", "Norwich", "Dundee"},
		[]string{"Harriet", "Callum", "Imogen", "Rhys", "Nadia"}, []string{"Whitlow", "O'Hara", "Pritchard", "Ainsley", "Okafor"}},
	{"Poland", "emea", "{word} {stem} Sp. z o.o.",
		[]string{"Źródło", "Jagoda", "Wiślana", "Dąbrowa", "Świetlik"},
		[]string{"Zakłady", "Spedycja", "Przychodnie", "Sklepy", "Elektrociepłownia", "Piekarnie", "Finanse", "Szkoły"},
		[]string{"Łódź", "Gdańsk", "Kraków"},
		[]string{"Małgorzata", "Paweł", "Zofia", "Łukasz"}, []string{"Wójcik", "Zieliński", "Dąbrowska", "Kaczmarek"}},
	{"Sweden", "emea", "{stem} {word} AB",
		[]string{"Björkö", "Älvsta", "Norrsken", "Södra Åsen", "Granlunda"},
		[]string{"Verkstad", "Frakt", "Vård", "Handel", "Kraft", "Livsmedel", "Kapital", "Utbildning"},
		[]string{"Malmö", "Umeå", "Västerås"},
		[]string{"Åsa", "Björn", "Linnéa", "Göran"}, []string{"Sjöberg", "Lindqvist", "Åkesson", "Nyström"}},
	{"Spain", "emea", "{word} {stem} S.L.",
		[]string{"Peñalba", "del Sur", "Montañés", "Río Claro", "Valdehierro"},
		[]string{"Talleres", "Transportes", "Clínicas", "Almacenes", "Energías", "Conservas", "Gestión", "Colegios"},
		[]string{"Málaga", "A Coruña", "Zaragoza"},
		[]string{"Begoña", "Íñigo", "Lucía", "Andrés"}, []string{"Muñoz", "Ibáñez", "Cabrera", "Peña"}},
	{"Greece", "emea", "{stem} {word} Α.Ε.",
		[]string{"Αιγαίον", "Θάλασσα", "Όλυμπος"},
		[]string{"Μηχανική", "Μεταφορές", "Υγεία", "Αγορά", "Ενέργεια", "Τρόφιμα", "Χρηματοδότηση", "Παιδεία"},
		[]string{"Thessaloniki", "Patras"},
		[]string{"Eleni", "Nikos", "Katerina"}, []string{"Papadakis", "Ioannou", "Vlachou"}},
	{"South Africa", "emea", "{stem} {word} (Pty) Ltd",
		[]string{"Protea Ridge", "Karoo Sky", "Umhlanga Bay", "Boland"},
		[]string{"Steelworks", "Freight", "Clinics", "Outfitters", "Solar", "Vineyards", "Credit", "Colleges"},
		[]string{"Durban", "Gqeberha", "Bloemfontein"},
		[]string{"Thandiwe", "Pieter", "Lerato", "Sipho"}, []string{"Dlamini", "van Wyk", "Mokoena", "Naidoo"}},
	{"United States", "amer", "{stem} {word}, Inc.",
		[]string{"Cedar Bluff", "Harlan", "Blue Mesa", "Tidewater", "Prairie Fork", "Copperline", "Lakehurst", "Sugar Hollow"},
		[]string{"Fabrication", "Trucking", "Health Partners", "Outfitters", "Electric Co-op", "Farms", "Credit Union", "Charter Schools"},
		[]string{"Tulsa", "Boise", "Duluth", "Mobile", "Spokane"},
		[]string{"Denise", "Marcus", "Kaylee", "Hector", "Joan"}, []string{"Harlan", "Whitaker", "Delgado", "Novak", "Freeman"}},
	{"Canada", "amer", "{stem} {word} Ltée",
		[]string{"Trois-Pins", "Rivière Bleue", "Mont-Érable", "Northern Spruce", "Baie-Claire"},
		[]string{"Fabrication", "Logistique", "Santé", "Marchés", "Hydro", "Érablières", "Épargne", "Formation"},
		[]string{"Québec", "Moncton", "Thunder Bay"},
		[]string{"Geneviève", "Étienne", "Maude", "Colin"}, []string{"Gagné", "Bélanger", "MacLeod", "Côté"}},
	{"Brazil", "amer", "{word} {stem} Ltda.",
		[]string{"São Bento", "Três Irmãos", "Ipê Amarelo", "Conceição", "Vale do Açaí"},
		[]string{"Metalúrgica", "Transportadora", "Saúde", "Lojas", "Energia", "Alimentos", "Crédito", "Educação"},
		[]string{"Curitiba", "Belém", "Florianópolis"},
		[]string{"João", "Conceição", "Thaís", "Otávio"}, []string{"Araújo", "Guimarães", "Brandão", "Falcão"}},
	{"Mexico", "amer", "{word} {stem} S.A. de C.V.",
		[]string{"del Bajío", "Xochicalli", "Tres Peñas", "Los Álamos"},
		[]string{"Manufacturas", "Fletes", "Hospitales", "Tiendas", "Luz", "Molinos", "Caja", "Institutos"},
		[]string{"Mérida", "León", "Querétaro"},
		[]string{"Ximena", "Raúl", "Itzel", "Héctor"}, []string{"Núñez", "Cárdenas", "Treviño", "Ávila"}},
	{"Japan", "apac", "株式会社{stem}{word}",
		[]string{"みなと", "あおば", "桜井", "北山"},
		[]string{"製作所", "物流", "医療", "商店", "電力", "食品", "金融", "学園"},
		[]string{"Sendai", "Kobe", "Fukuoka"},
		[]string{"Haruka", "Kenji", "Aoi", "Daichi"}, []string{"Sakurai", "Kitayama", "Mori", "Ishida"}},
	{"India", "apac", "{stem} {word} Pvt. Ltd.",
		[]string{"Kaveri", "Malhar", "Neelgiri", "Suryodaya", "Panchvati"},
		[]string{"Industries", "Cargo", "Hospitals", "Bazaar", "Renewables", "Spices", "Finserv", "Vidyalaya"},
		[]string{"Pune", "Kochi", "Indore"},
		[]string{"Ananya", "Rohit", "Meera", "Vikram"}, []string{"Kulkarni", "Nair", "Chatterjee", "Bhatt"}},
	{"Australia", "apac", "{stem} {word} Pty Ltd",
		[]string{"Wattle Creek", "Ironbark", "Southern Cross Bay", "Billabong Flat"},
		[]string{"Foundry", "Haulage", "Health", "Traders", "Wind", "Dairies", "Super", "Training"},
		[]string{"Hobart", "Ballarat", "Cairns"},
		[]string{"Kirra", "Lachlan", "Bronte", "Angus"}, []string{"McAllister", "Doyle", "Tran", "Hughes"}},
	{"Viet Nam", "apac", "{word} {stem} Co.",
		[]string{"Hòa Bình", "Sông Hương", "Ánh Dương"},
		[]string{"Cơ Khí", "Vận Tải", "Y Tế", "Bách Hóa", "Năng Lượng", "Thực Phẩm", "Tài Chính", "Giáo Dục"},
		[]string{"Đà Nẵng", "Huế"},
		[]string{"Linh", "Minh", "Thảo"}, []string{"Nguyễn", "Trần", "Phạm"}},
}

// pieces describe what a company of each industry is, in the order of industries.
var pieces = []string{
	"Maker of machine parts", "Carrier with its own fleet", "Group of clinics", "Chain of shops",
	"Regional supplier of power", "Producer of food", "Lender to small firms", "Operator of schools",
}

var remarks = []string{
	"", "", "", "Reports monthly, by cloud account.", "Two cloud providers, one budget.", "Migrating from its own data centre.",
	`Calls its account team "the desk".`, "Licences renew in spring; costs are watched weekly.", "Asks for approval before any change.",
	"Merged with a competitor; a second tenant follows.",
}

// shared are people who own several customers each.
var shared = []string{
	"Priya Raman <priya.raman@brightdesk.example>", "Tomás Herrera <tomas.herrera@brightdesk.example>",
	"Ingrid Solheim <ingrid.solheim@fjordops.example>", "Daniel Abebe <daniel.abebe@cloudstewards.example>",
	"Mei Tanaka <mei.tanaka@cloudstewards.example>",
}

// partners are the customers that are parents themselves.
var partners = map[int]struct{ name, country string }{
	17:  {"Nordlicht Systemhaus Partner", "Germany"},
	84:  {"Bluewater Cloud Partner", "United States"},
	151: {"Alto Cerro Tecnología Partner", "Mexico"},
	222: {"Lotus Ridge Managed Partner", "India"},
}

func main() {
	w := csv.NewWriter(os.Stdout)
	rows := [][]string{{"name", "externalId", "description", "capabilities", "owners", "tags"}}
	g := generator{Rand: rand.New(rand.NewPCG(2026, 1125)), taken: map[string]bool{}}
	for i := range customers {
		rows = append(rows, g.customer(i+1))
	}
	if err := w.WriteAll(rows); err != nil {
		log.Fatalf("write the customers: %v", err)
	}
}

type generator struct {
	*rand.Rand
	taken map[string]bool // names given
}

func (g *generator) pick(from []string) string { return from[g.IntN(len(from))] }

func (g *generator) customer(n int) []string {
	c := countries[g.IntN(len(countries))]
	industry := g.IntN(len(industries))
	p, partner := partners[n]
	if partner {
		c = countries[slices.IndexFunc(countries, func(c country) bool { return c.name == p.country })]
	}
	name, base := p.name, p.name
	for name == "" || g.taken[name] {
		industry = g.IntN(len(industries))
		stem, word := g.pick(c.stems), c.words[industry]
		name, base = strings.NewReplacer("{stem}", stem, "{word}", word).Replace(c.form), stem+" "+word
	}
	g.taken[name] = true

	kind, piece := industries[industry], pieces[industry]
	if partner {
		kind, piece = "it-services", "Managed service provider for small firms"
	}
	description := fmt.Sprintf("%s in %s, %s, %d people. %s", piece, g.pick(c.cities), c.name, 20+g.IntN(280)*10, g.pick(remarks))
	tags := []string{"tier:silver", "region:" + c.region, "industry:" + kind, "onboarding:" + g.pick([]string{"done", "done", "done", "started", "planned"})}
	if g.IntN(10) < 3 {
		tags[0] = "tier:gold"
	}
	if g.IntN(12) == 0 {
		tags = append(tags, "renewal:at-risk")
	}
	return []string{name, fmt.Sprintf("NW-%04d", n), strings.TrimSpace(description),
		strings.Join(g.capabilities(partner), ";"), strings.Join(g.owners(c, domain(base, n)), ";"), strings.Join(tags, ";")}
}

// capabilities draws one or more, each with a date or without one, when it ends as the parent's does.
func (g *generator) capabilities(partner bool) []string {
	var all []string
	if partner {
		all = append(all, "msp")
	}
	for _, c := range []struct {
		name    string
		percent int
	}{{"policy", 85}, {"optima", 60}, {"fss", 25}, {"fcm", 30}, {"itv", 25}, {"itam", 35}, {"saas", 30}} {
		if g.IntN(100) < c.percent {
			all = append(all, c.name+g.expiry())
		}
	}
	if len(all) == 0 {
		return []string{"optima"}
	}
	return all
}

// expiry draws an end: none, past, within 30, 60 and 90 days, in 2027 and 2028, or far.
func (g *generator) expiry() string {
	var days int
	switch p := g.IntN(100); {
	case p < 42:
		return ""
	case p < 48:
		days = -1 - g.IntN(90)
	case p < 54:
		days = 1 + g.IntN(29)
	case p < 60:
		days = 31 + g.IntN(29)
	case p < 66:
		days = 61 + g.IntN(29)
	case p < 90:
		return "@" + time.Date(2027, time.Month(3+g.IntN(22)), 1+g.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	default:
		return fmt.Sprintf("@%d-12-31", 2030+g.IntN(6))
	}
	return "@" + today.AddDate(0, 0, days).Format(time.DateOnly)
}

// owners draws one to three people: of the company, under its domain, and now and then one of those shared.
func (g *generator) owners(c country, domain string) []string {
	var owners []string
	for count := 1 + g.IntN(3); len(owners) < count; {
		first, last := g.pick(c.first), g.pick(c.last)
		owner := fmt.Sprintf("%s.%s@%s", plain(first), plain(last), domain)
		switch g.IntN(10) {
		case 0, 1:
			owner = g.pick(shared)
		case 2: // nothing but the address
		default:
			owner = fmt.Sprintf("%s %s <%s>", first, last, owner)
		}
		if !slices.ContainsFunc(owners, func(o string) bool { return address(o) == address(owner) }) {
			owners = append(owners, owner)
		}
	}
	return owners
}

func address(owner string) string {
	_, after, named := strings.Cut(owner, "<")
	if !named {
		return owner
	}
	return strings.TrimSuffix(after, ">")
}

var letters = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "å", "a", "á", "a", "à", "a", "ã", "a", "â", "a", "ả", "a",
	"ą", "a", "ầ", "a", "ạ", "a", "ậ", "a", "ă", "a", "ç", "c", "đ", "d", "é", "e", "è", "e", "ê", "e", "ế", "e", "ễ", "e", "ę", "e",
	"í", "i", "î", "i", "ï", "i", "ì", "i", "ł", "l", "ñ", "n", "ń", "n", "ó", "o", "ô", "o", "õ", "o", "ò", "o", "ơ", "o", "ự", "u",
	"ú", "u", "ụ", "u", "ư", "u", "ś", "s", "ź", "z", "'", "", "’", "", "&", "")

// plain spells a name with the letters that an address may have.
func plain(name string) string {
	return strings.ReplaceAll(letters.Replace(strings.ToLower(name)), " ", "")
}

// domain makes one of a company's name; of a name in another script, one of its number.
func domain(name string, n int) string {
	slug := strings.Join(strings.Fields(letters.Replace(strings.ToLower(name))), "-")
	if strings.ContainsFunc(slug, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }) {
		return fmt.Sprintf("nw-%04d.example", n)
	}
	return slug + ".example"
}
