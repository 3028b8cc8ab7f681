package rql

import (
	"errors"
	"fmt"
)

// maxRegionVertices bounds what preparing a polygon costs: every edge is compared with every other one of its ring.
const maxRegionVertices = 1000

// NewPolygon returns the region inside of the first ring and outside of the others, which are holes in it. Vertices are longitude and
// latitude in degrees; each ring ends where it begins.
func NewPolygon(rings [][][2]float64) (*Region, error) {
	g := &Region{}
	n := 0
	for i, ring := range rings {
		if n += len(ring); n > maxRegionVertices {
			return nil, fmt.Errorf("a polygon can have at most %d vertices", maxRegionVertices)
		}
		if len(ring) < 4 {
			return nil, fmt.Errorf("ring %d must have at least 4 vertices, of which the last is the first", i)
		}
		vertices := make([]geoVertex, len(ring))
		for j, p := range ring {
			vertices[j] = geoVertex{longitude: p[0], latitude: p[1]}
		}
		g.rings = append(g.rings, vertices)
	}
	if len(rings) == 0 {
		return nil, errors.New("a polygon needs a ring")
	}
	return g.prepared()
}

// NewCircle returns the region within an angle, in radians, of a point.
func NewCircle(longitude, latitude, radius float64) (*Region, error) {
	g := &Region{circle: true, center: geoVertex{longitude: longitude, latitude: latitude}, radius: radius}
	return g.prepared()
}

func (g *Region) prepared() (*Region, error) {
	if problem := g.prepare(); problem != "" {
		return nil, errors.New(problem)
	}
	return g, nil
}

// Contains tells whether a point is in the region; one that is not on Earth isn't.
func (g *Region) Contains(longitude, latitude float64) bool {
	v := geoVertex{longitude: longitude, latitude: latitude}
	return v.check() == "" && g.contains(pointOf(longitude, latitude))
}

// Vertices is what Contains costs, about.
func (g *Region) Vertices() int { return g.vertices }
