package rql

import (
	"fmt"
	"math"
	"strings"

	"realmsync/core/schema"
	"realmsync/core/value"
)

// Region is the right side of GEOWITHIN: a circle, or a polygon with holes, on the unit sphere (spec section 6.12).
type Region struct {
	rings  [][]geoVertex // of a polygon; the first is the outer one
	center geoVertex     // of a circle
	radius float64       // in radians, of a circle
	circle bool

	loops    []*loop
	vertices int // of all loops
	middle   vector
}

// geoVertex is a point as written.
type geoVertex struct {
	longitude, latitude, altitude float64
	hasAltitude                   bool
}

// String returns the region as canonical text writes it. Boxes have become polygons.
func (g *Region) String() string { return g.text(17) }

func (g *Region) text(digits int) string {
	if g.circle {
		return "GeoCircle(" + g.center.text(digits) + ", " + printCoordinate(g.radius, digits) + ")"
	}
	rings := make([]string, len(g.rings))
	for i, ring := range g.rings {
		points := make([]string, len(ring))
		for j, p := range ring {
			points[j] = p.text(digits)
		}
		rings[i] = "{" + strings.Join(points, ", ") + "}"
	}
	return "GeoPolygon(" + strings.Join(rings, ", ") + ")"
}

func (p geoVertex) text(digits int) string {
	out := "[" + printCoordinate(p.longitude, digits) + ", " + printCoordinate(p.latitude, digits)
	if p.hasAltitude {
		out += ", " + printCoordinate(p.altitude, digits)
	}
	return out + "]"
}

func printCoordinate(f float64, digits int) string { return printFloat(f, digits, math.Signbit(f), 64) }

// prepare checks a region; the result is what is wrong with it, "" if nothing is.
func (g *Region) prepare() string {
	if g.circle {
		if math.IsNaN(g.radius) || g.radius < 0 {
			return "The radius of a circle must be a non-negative number"
		}
		g.middle = pointOf(g.center.longitude, g.center.latitude)
		return g.center.check()
	}
	for i, ring := range g.rings {
		l, problem := ringLoop(i, ring)
		if problem != "" {
			return problem
		}
		if i > 0 && !g.loops[0].containsLoop(l) {
			return fmt.Sprintf("Secondary ring %d not contained by first exterior ring - secondary rings must be holes in the first ring", i)
		}
		g.loops = append(g.loops, l)
		g.vertices += len(l.points)
	}
	return ""
}

func (p geoVertex) check() string {
	if math.Abs(p.longitude) <= 180 && math.Abs(p.latitude) <= 90 {
		return ""
	}
	return fmt.Sprintf("Longitude/latitude is out of bounds, lng: %s lat: %s", printCoordinate(p.longitude, 6), printCoordinate(p.latitude, 6))
}

// ringLoop makes a loop of a ring.
func ringLoop(number int, ring []geoVertex) (*loop, string) {
	points := make([]vector, 0, len(ring))
	for _, p := range ring {
		if problem := p.check(); problem != "" {
			return nil, problem
		}
		points = append(points, pointOf(p.longitude, p.latitude))
	}
	last := len(points) - 1
	if points[0] != points[last] {
		return nil, fmt.Sprintf("Ring is not closed, first vertex 'GeoPoint(%s)' does not equal last vertex 'GeoPoint(%s)'", ring[0].text(6), ring[last].text(6))
	}
	distinct := points[:1]
	for _, p := range points[1:] {
		if p != distinct[len(distinct)-1] {
			distinct = append(distinct, p)
		}
	}
	distinct = distinct[:len(distinct)-1]
	if len(distinct) < 3 {
		return nil, fmt.Sprintf("Ring %d must have at least 3 different vertices, %d unique vertices were provided", number, len(distinct))
	}
	if problem := selfContact(distinct); problem != "" {
		return nil, fmt.Sprintf("Ring %d is not valid: '%s'", number, problem)
	}
	return newLoop(distinct), ""
}

// selfContact finds vertices that occur twice, and edges that cross.
func selfContact(points []vector) string {
	seen := map[vector]int{}
	for i, p := range points {
		if j, ok := seen[p]; ok {
			return fmt.Sprintf("Duplicate vertices: %d and %d", j, i)
		}
		seen[p] = i
	}
	n := len(points)
	for i := range n {
		for j := i + 2; j < n; j++ {
			if i == 0 && j == n-1 {
				continue
			}
			if crossing(points[i], points[i+1], points[j], points[(j+1)%n]) > 0 {
				return fmt.Sprintf("Edges %d and %d cross", i, j)
			}
		}
	}
	return ""
}

func (g *Region) contains(p vector) bool {
	if g.circle {
		if g.radius >= math.Pi {
			return true
		}
		// The square of the chord, compared with that of the radius.
		d, s := g.middle.minus(p), math.Sin(g.radius/2)
		return d.dot(d) <= 4*s*s
	}
	for i, l := range g.loops {
		if l.contains(p) != (i == 0) {
			return false
		}
	}
	return true
}

// geoWithin binds GEOWITHIN.
func (b *binder) geoWithin(g *geoWithin) Node {
	operand := b.path(g.operand)
	path := asKeyPath(operand)
	if path == nil || !path.EndsInLinks() {
		panic(fail(ErrInvalidQuery, g.pos, "The left hand side of 'geoWithin' must be a link to geoJSON formatted data. But the provided type is '%s'", operand.operandType()))
	}
	out := &GeoWithin{Path: path}
	if g.shape == nil {
		out.Region = b.regionArg(g)
	} else {
		out.Region = b.region(g.shape)
		if problem := out.Region.prepare(); problem != "" {
			panic(fail(ErrInvalidArgument, g.pos, "Invalid region in GEOWITHIN query for parameter '%s': '%s'", clip(out.Region.text(6)), clip(problem)))
		}
	}
	class := b.schema.Class(linkTarget(path))
	if class.Kind != schema.Embedded {
		panic(fail(ErrRuntime, g.pos, "A GEOWITHIN query can only operate on a link to an embedded class but '%s' is at the top level", class.Name))
	}
	out.class = class
	out.kind, out.coordinates = propertyIndex(class, "type"), propertyIndex(class, "coordinates")
	if out.kind < 0 || out.coordinates < 0 || !isGeoFormat(&class.Properties[out.kind], &class.Properties[out.coordinates]) {
		text := &printer{}
		text.node(out)
		panic(fail(ErrRuntime, g.pos, "Query '%s' links to data in the wrong format for a geoWithin query", clip(text.String())))
	}
	if !b.navigation {
		panic(unsupported(g.pos, "GEOWITHIN"))
	}
	return out
}

func isGeoFormat(kind, coordinates *schema.Property) bool {
	return kind.Type == value.KindString && kind.Collection == schema.Single &&
		coordinates.Type == value.KindDouble && coordinates.Collection == schema.List
}

// region evaluates a shape literal.
func (b *binder) region(s *geoShape) *Region {
	vertices := 0
	rings := make([][]geoVertex, len(s.rings))
	for i, ring := range s.rings {
		if vertices += len(ring); vertices > MaxVertices {
			panic(fail(ErrLimit, -1, "a GEOWITHIN query has more than %d vertices", MaxVertices))
		}
		for _, p := range ring {
			v := geoVertex{longitude: b.coordinate(p.coordinates[0]), latitude: b.coordinate(p.coordinates[1])}
			if len(p.coordinates) > 2 {
				v.altitude, v.hasAltitude = b.coordinate(p.coordinates[2]), true
			}
			rings[i] = append(rings[i], v)
		}
	}
	switch s.kind {
	case tGeoCircle:
		return &Region{circle: true, center: rings[0][0], radius: b.coordinate(s.radius)}
	case tGeoBox:
		low, high := rings[0][0], rings[0][1]
		return &Region{rings: [][]geoVertex{{low, {longitude: low.longitude, latitude: high.latitude}, high, {longitude: high.longitude, latitude: low.latitude}, low}}}
	default:
		return &Region{rings: rings}
	}
}

// coordinate evaluates a number or an argument.
func (b *binder) coordinate(c *constant) float64 {
	v := c.value
	if c.kind == constArg {
		arg := b.arg(c.arg, c.pos)
		v = arg.scalar
		switch {
		case arg.isList:
			panic(fail(ErrInvalidQuery, c.pos, "A list cannot be used in a coordinate at argument '$%d'", c.arg))
		case v.IsNull():
			panic(fail(ErrInvalidQuery, c.pos, "NULL cannot be used in coordinate at argument '$%d'", c.arg))
		}
	}
	switch v.Kind() {
	case value.KindInt:
		return float64(v.Int())
	case value.KindFloat, value.KindDouble:
		return toDouble(v)
	default:
		panic(fail(ErrInvalidQuery, c.pos, "Invalid parameter '%s' used in coordinate at argument '$%d'", typeOfValue(v), c.arg))
	}
}

// regionArg evaluates an argument that holds the text of a shape.
func (b *binder) regionArg(g *geoWithin) *Region {
	v := b.scalarArg(g.arg, g.pos)
	if v.Kind() != value.KindString {
		panic(fail(ErrInvalidQueryArg, g.pos, "The right hand side of 'geoWithin' must be a geospatial constant value. But the provided type is '%s'", typeOfValue(v)))
	}
	const simulated = "simulated GEOWITHIN "
	root, _, err := parse(simulated+v.Str(), b.query.sync)
	shape, ok := root.(*geoWithin)
	if err != nil || !ok || shape.shape == nil {
		detail := "a single shape is expected"
		if err != nil {
			detail = strings.Replace(err.Error(), simulated, "", 1)
		}
		panic(fail(ErrInvalidQuery, g.pos, "Invalid syntax in serialized geospatial object at argument %d: '%s'", g.arg, detail))
	}
	region := b.region(shape.shape)
	if problem := region.prepare(); problem != "" {
		panic(fail(ErrInvalidQuery, g.pos, "The Geospatial query argument region is invalid: '%s'", clip(problem)))
	}
	return region
}

// geoMatch evaluates GeoWithin.
type geoMatch struct {
	path  *walker
	quant Quantifier
	node  *GeoWithin
}

func (c *compiler) geoWithin(n *GeoWithin) matcher {
	w := c.walker(n.Path)
	w.hops = append(append([]Hop{}, w.hops...), w.end)
	return &geoMatch{w, n.Path.Quantifier, n}
}

func (m *geoMatch) match(o Object, r *run) (bool, error) {
	path := *m.path
	found := &geoCount{node: m.node}
	path.visitor = found
	if _, err := path.walk(o, 0, r, nil); err != nil {
		return false, err
	}
	switch m.quant {
	case QuantAll:
		return found.all > 0 && found.inside == found.all, nil
	case QuantNever:
		return found.inside == 0, nil
	default:
		return found.inside > 0, nil
	}
}

// geoCount counts the objects that were reached, and those that are points in the region.
type geoCount struct {
	node        *GeoWithin
	all, inside int
}

func (g *geoCount) visit(o Object, r *run, _ *batch) error {
	if err := r.charge(1 + g.node.Region.vertices); err != nil {
		return err
	}
	g.all++
	p, ok, err := g.node.point(o)
	if ok && g.node.Region.contains(p) {
		g.inside++
	}
	return err
}

// point reads a point; false if the object isn't one.
func (g *GeoWithin) point(o Object) (p vector, ok bool, err error) {
	kind, err := o.Get(g.kind)
	if err != nil || !strings.EqualFold(kind.Str(), "point") {
		return p, false, err
	}
	n, err := navigable(o)
	if err != nil {
		return p, false, err
	}
	c, err := n.Collection(g.coordinates)
	if err != nil || c == nil || c.Size() < 2 {
		return p, false, err
	}
	longitude, err := c.Value(0)
	if err != nil {
		return p, false, err
	}
	latitude, err := c.Value(1)
	if err != nil {
		return p, false, err
	}
	v := geoVertex{longitude: longitude.Double(), latitude: latitude.Double()}
	return pointOf(v.longitude, v.latitude), v.check() == "", nil
}
