package mql

import (
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"

	"realmsync/core/rql"
)

// area is what $geoWithin names.
type area interface {
	contains(x, y float64) bool
	cost() int
}

// regions are spherical ones, of which a point must be in any.
type regions []*rql.Region

func (r regions) contains(x, y float64) bool {
	for _, region := range r {
		if region.Contains(x, y) {
			return true
		}
	}
	return false
}

func (r regions) cost() (n int) {
	for _, region := range r {
		n += 1 + region.Vertices()
	}
	return n
}

// flat are the shapes of a plane.
type flat struct {
	points [][2]float64 // a polygon's
	radius float64      // of a circle around the only point
}

func (f *flat) contains(x, y float64) bool {
	if len(f.points) == 1 {
		return math.Hypot(x-f.points[0][0], y-f.points[0][1]) <= f.radius
	}
	inside := false
	for i, a := range f.points {
		b := f.points[(i+1)%len(f.points)]
		if (a[1] > y) != (b[1] > y) && x < (b[0]-a[0])*(y-a[1])/(b[1]-a[1])+a[0] {
			inside = !inside
		}
	}
	return inside
}

func (f *flat) cost() int { return 1 + len(f.points) }

// box contains its edges.
type box struct{ low, high [2]float64 }

func (b *box) contains(x, y float64) bool {
	return x >= b.low[0] && x <= b.high[0] && y >= b.low[1] && y <= b.high[1]
}

func (b *box) cost() int { return 1 }

// geoWithin compiles {$geoWithin: {shape}}: GeoJSON polygons, and the older shapes. Polygons of GeoJSON and $centerSphere are on the sphere,
// the others in a plane.
func geoWithin(arg any) (condition, error) {
	d, ok := arg.(bson.D)
	if !ok || len(d) != 1 {
		return nil, fail("$geoWithin needs an object with one shape")
	}
	where, err := shape(d[0].Key, d[0].Value)
	if err != nil {
		return nil, err
	}
	steps := where.cost()
	return func(v any, m *Meter) (bool, error) {
		if err := m.Step(steps); err != nil {
			return false, err
		}
		if x, y, ok := point(v); ok {
			return where.contains(x, y), nil
		}
		return false, nil
	}, nil
}

func shape(name string, v any) (area, error) {
	switch name {
	case "$geometry":
		return geometry(v)
	case "$centerSphere", "$center":
		a, ok := v.(bson.A)
		if !ok || len(a) != 2 {
			return nil, fail("%s needs a point and a radius", name)
		}
		x, y, okPoint := coordinates(a[0])
		radius := float(a[1])
		if !okPoint || !(radius >= 0) {
			return nil, fail("%s needs a point and a radius that is not negative", name)
		}
		if name == "$center" {
			return &flat{[][2]float64{{x, y}}, radius}, nil
		}
		r, err := rql.NewCircle(x, y, radius)
		if err != nil {
			return nil, fail("%s", err)
		}
		return regions{r}, nil
	case "$box", "$polygon":
		points, err := ring(v)
		if err != nil {
			return nil, err
		}
		if name == "$box" {
			if len(points) != 2 {
				return nil, fail("$box needs two points")
			}
			a, b := points[0], points[1]
			return &box{[2]float64{min(a[0], b[0]), min(a[1], b[1])}, [2]float64{max(a[0], b[0]), max(a[1], b[1])}}, nil
		}
		if len(points) < 3 {
			return nil, fail("$polygon needs at least three points")
		}
		return &flat{points: points}, nil
	default:
		return nil, fail("unknown geo specifier: %s", clip(name))
	}
}

func geometry(v any) (area, error) {
	d, _ := v.(bson.D)
	kind, _ := Get(d, "type")
	at, _ := Get(d, "coordinates")
	list, _ := at.(bson.A)
	if kind == "Polygon" {
		list = bson.A{list}
	} else if kind != "MultiPolygon" {
		return nil, fail("$geoWithin needs a geometry of type Polygon or MultiPolygon")
	}
	var out regions
	vertices := 0
	for _, polygon := range list {
		rings, ok := polygon.(bson.A)
		if !ok {
			return nil, fail("the coordinates of a polygon must be an array of rings")
		}
		var outline [][][2]float64
		for _, r := range rings {
			points, err := ring(r)
			if err != nil {
				return nil, err
			}
			if vertices += len(points); vertices > maxVertices {
				return nil, fail("a geometry can have at most %d vertices", maxVertices)
			}
			outline = append(outline, points)
		}
		region, err := rql.NewPolygon(outline)
		if err != nil {
			return nil, fail("%s", err)
		}
		out = append(out, region)
	}
	return out, nil
}

const maxVertices = 1000

func ring(v any) ([][2]float64, error) {
	list, ok := v.(bson.A)
	if !ok || len(list) > maxVertices {
		return nil, fail("a ring must be an array of at most %d points", maxVertices)
	}
	out := make([][2]float64, 0, len(list))
	for _, e := range list {
		x, y, ok := coordinates(e)
		if !ok {
			return nil, fail("a point must be an array of two numbers")
		}
		out = append(out, [2]float64{x, y})
	}
	return out, nil
}

// coordinates reads [x, y, ...].
func coordinates(v any) (x, y float64, ok bool) {
	a, isArray := v.(bson.A)
	if !isArray || len(a) < 2 || !isNumber(a[0]) || !isNumber(a[1]) {
		return 0, 0, false
	}
	x, y = float(a[0]), float(a[1])
	return x, y, !math.IsNaN(x) && !math.IsNaN(y)
}

// point reads a point of a document: GeoJSON, an array of two numbers, or a document of two numbers.
func point(v any) (x, y float64, ok bool) {
	d, isDocument := v.(bson.D)
	if !isDocument {
		return coordinates(v)
	}
	if kind, found := Get(d, "type"); found {
		if kind != "Point" {
			return 0, 0, false
		}
		at, _ := Get(d, "coordinates")
		return coordinates(at)
	}
	if len(d) < 2 {
		return 0, 0, false
	}
	return coordinates(bson.A{d[0].Value, d[1].Value})
}
