package rql

import (
	"cmp"
	"math"
	"math/big"
	"slices"
)

// vector is a point on the unit sphere.
type vector [3]float64

func pointOf(longitude, latitude float64) vector {
	sinLat, cosLat := math.Sincos(latitude * math.Pi / 180)
	sinLng, cosLng := math.Sincos(longitude * math.Pi / 180)
	return vector{cosLat * cosLng, cosLat * sinLng, sinLat}
}

func (a vector) cross(b vector) vector {
	return vector{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

func (a vector) dot(b vector) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func (a vector) plus(b vector) vector  { return vector{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vector) minus(b vector) vector { return vector{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }

func (a vector) unit() vector {
	n := math.Sqrt(a.dot(a))
	return vector{a[0] / n, a[1] / n, a[2] / n}
}

// angle returns the angle between two directions.
func (a vector) angle(b vector) float64 {
	c := a.cross(b)
	return math.Atan2(math.Sqrt(c.dot(c)), a.dot(b))
}

// normal is a cross b, also for points that are close to each other.
func (a vector) normal(b vector) vector { return b.plus(a).cross(b.minus(a)) }

// reference is a fixed direction at a point.
func (a vector) reference() vector {
	k := 0
	for i := range a {
		if math.Abs(a[i]) > math.Abs(a[k]) {
			k = i
		}
	}
	other := vector{0.012, 0.0053, 0.00457}
	other[(k+2)%3] = 1
	return a.cross(other).unit()
}

// turn tells whether a, b, c turn counterclockwise (1) or clockwise (-1). It is 0 only if two of them are equal: points that
// are on one great circle are told apart as if each was moved by an infinitely small amount, so that any question about
// crossings has one answer.
func turn(a, b, c vector) int {
	const roundoff = 1e-14
	if d := a.cross(b).dot(c); d > roundoff || d < -roundoff {
		return cmp.Compare(d, 0)
	}
	if a == b || b == c || c == a {
		return 0
	}
	// Sort, so that the result doesn't depend on the order but for its sign.
	sign := 1
	if compareVectors(a, b) > 0 {
		a, b, sign = b, a, -sign
	}
	if compareVectors(b, c) > 0 {
		b, c, sign = c, b, -sign
	}
	if compareVectors(a, b) > 0 {
		a, b, sign = b, a, -sign
	}
	x, y, z := exact(a), exact(b), exact(c)
	yz := [3]*big.Float{minor(y, z, 1, 2), minor(y, z, 2, 0), minor(y, z, 0, 1)}
	sum := product(x[0], yz[0])
	sum.Add(sum, product(x[1], yz[1]))
	sum.Add(sum, product(x[2], yz[2]))
	// The terms of the determinant of the moved points, from the largest to the smallest.
	for _, term := range [...]int{
		sum.Sign(), yz[2].Sign(), yz[1].Sign(), yz[0].Sign(),
		minor(z, x, 0, 1).Sign(), z[0].Sign(), -z[1].Sign(), minor(z, x, 2, 0).Sign(), z[2].Sign(),
		minor(x, y, 0, 1).Sign(), -y[0].Sign(), y[1].Sign(), x[0].Sign(),
	} {
		if term != 0 {
			return sign * term
		}
	}
	return sign
}

func compareVectors(a, b vector) int { return slices.Compare(a[:], b[:]) }

// exactBits hold sums of products of three doubles of the unit sphere without rounding.
const exactBits = 4096

func exact(a vector) [3]*big.Float {
	var out [3]*big.Float
	for i, f := range a {
		out[i] = new(big.Float).SetPrec(exactBits).SetFloat64(f)
	}
	return out
}

func product(a, b *big.Float) *big.Float { return new(big.Float).SetPrec(exactBits).Mul(a, b) }

func minor(a, b [3]*big.Float, i, j int) *big.Float {
	p := product(a[i], b[j])
	return p.Sub(p, product(a[j], b[i]))
}

// ordered tells whether the edges OA, OB, OC are met in this order when sweeping counterclockwise around O.
func counterclockwise(a, b, c, o vector) bool {
	sum := 0
	if turn(b, o, a) >= 0 {
		sum++
	}
	if turn(c, o, b) >= 0 {
		sum++
	}
	if turn(a, o, c) > 0 {
		sum++
	}
	return sum >= 2
}

// crossing tells whether the edges AB and CD cross (1), don't (-1), or have a vertex in common (0).
func crossing(a, b, c, d vector) int {
	acb, bda := -turn(a, b, c), turn(a, b, d)
	switch {
	case bda == -acb && bda != 0:
		return -1
	case acb == 0 || bda == 0:
		return 0
	}
	cbd := -turn(c, d, b)
	if cbd != acb {
		if cbd == 0 {
			return 0
		}
		return -1
	}
	switch turn(c, d, a) {
	case acb:
		return 1
	case 0:
		return 0
	default:
		return -1
	}
}

// crosses also decides for edges with a vertex in common, so that a point on the border of two areas is in one of them.
func crosses(a, b, c, d vector) bool {
	if x := crossing(a, b, c, d); x != 0 {
		return x > 0
	}
	switch {
	case a == b || c == d:
		return false
	case a == c:
		return counterclockwise(a.reference(), d, b, a)
	case b == d:
		return counterclockwise(b.reference(), c, a, b)
	case a == d:
		return counterclockwise(a.reference(), c, b, a)
	case b == c:
		return counterclockwise(b.reference(), d, a, b)
	default:
		return false
	}
}

// loop is a closed line of geodesics; what is to the left of it is inside.
type loop struct {
	points       []vector
	originInside bool
}

// origin is a point that nobody's map has a vertex at.
var origin = vector{0.00457, 1, 0.0321}.unit()

// newLoop makes a loop of at least three points, turned so that it has no more than half of the sphere inside.
func newLoop(points []vector) *loop {
	l := &loop{points: points}
	sum := 0.0
	for i := range points {
		a, b, c := l.at(i), l.at(i+1), l.at(i+2)
		sum += float64(turn(a, b, c)) * a.normal(b).angle(b.normal(c))
	}
	if sum < -1e-14 {
		slices.Reverse(points)
	}
	inside := counterclockwise(l.at(1).reference(), l.at(0), l.at(2), l.at(1))
	l.originInside = inside != l.contains(l.at(1))
	return l
}

func (l *loop) at(i int) vector { return l.points[i%len(l.points)] }

func (l *loop) contains(p vector) bool {
	inside := l.originInside
	for i := range l.points {
		if crosses(origin, p, l.at(i), l.at(i+1)) {
			inside = !inside
		}
	}
	return inside
}

// containsLoop tells whether another loop is inside.
func (l *loop) containsLoop(other *loop) bool {
	for i := range other.points {
		if !l.contains(other.at(i)) && !slices.Contains(l.points, other.at(i)) {
			return false
		}
		for j := range l.points {
			if crossing(other.at(i), other.at(i+1), l.at(j), l.at(j+1)) > 0 {
				return false
			}
		}
	}
	return true
}
