// The network's function written down once more, as slowly and as plainly as possible: one sample, one edge at a time, the
// Cox-de Boor recursion itself, products by multiplying. What the engine computes is compared with this.

@testable import SwiftKAN

/// B_m^p(x) by the recursion; 0/0 counts as 0. The last cell of degree 0 is closed if `closed`.
func coxDeBoor(_ t: [Double], _ m: Int, _ p: Int, _ x: Double, closed: Bool = false) -> Double {
    if p == 0 {
        if closed && m == t.count - 2 && x == t[m + 1] { return 1 }
        return t[m] <= x && x < t[m + 1] ? 1 : 0
    }
    var sum = 0.0
    let (left, right) = (t[m + p] - t[m], t[m + p + 1] - t[m + 1])
    if left > 0 { sum += (x - t[m]) / left * coxDeBoor(t, m, p - 1, x) }
    if right > 0 { sum += (t[m + p + 1] - x) / right * coxDeBoor(t, m + 1, p - 1, x) }
    return sum
}

/// Σ_b coef_b B_b(x)
func naiveSpline(_ knots: [Double], k: Int, coef: [Double], _ x: Double) -> Double {
    coef.indices.reduce(0) { $0 + coef[$1] * coxDeBoor(knots, $1, k, x, closed: k == 0) }
}

/// All that a sample becomes on its way through a network.
struct NaiveSample {
    /// Level by level: the values of nodes; the last are the predictions.
    var acts: [[Double]] = []
    /// Layer by layer: sums over edges, and these after scale and bias.
    var sums: [[Double]] = []
    var subnodes: [[Double]] = []
    /// Layer by layer, (outputs, inputs): the spline alone, the numeric and the symbolic part of edges.
    var splines: [[Double]] = []
    var numerical: [[Double]] = []
    var symbolic: [[Double]] = []

    init(_ network: KAN<Double>, _ x: [Double]) {
        acts = [x]
        let state = network.state
        for (l, shape) in network.layers.enumerated() {
            let input = acts[l]
            var (splines, numerical, symbolic) = ([Double](), [Double](), [Double]())
            var sums = Array(repeating: 0.0, count: shape.outputs)
            for o in 0..<shape.outputs {
                for i in 0..<shape.inputs {
                    let e = i * shape.outputs + o, s = o * shape.inputs + i
                    let knots = (0..<shape.knotCount).map { state[shape.knots + i * shape.knotCount + $0] }
                    let coef = (0..<shape.basisCount).map { state[shape.coef + e * shape.basisCount + $0] }
                    let spline = naiveSpline(knots, k: shape.k, coef: coef, input[i])
                    let base: Double
                    switch network.baseFunction {
                    case .silu: base = input[i] / (1 + Double.exp(-input[i]))
                    case .identity: base = input[i]
                    case .zero: base = 0
                    }
                    let phi = state[shape.mask + e] * (state[shape.scaleBase + e] * base + state[shape.scaleSp + e] * spline)
                    var psi = 0.0
                    if network.symbolicEnabled && state[shape.symbolicMask + s] != 0 {
                        let a = state + shape.affine + 4 * s
                        var value = 0.0
                        network.functions[l][s].evaluate(
                            [a[0] * input[i] + a[1]], count: 1, value: &value, derivative: nil, avoidSingularities: false,
                            yTh: 10)
                        psi = state[shape.symbolicMask + s] * (a[2] * value + a[3])
                    }
                    splines.append(spline)
                    numerical.append(phi)
                    symbolic.append(psi)
                    sums[o] += phi + psi
                }
            }
            let subnodes = (0..<shape.outputs).map {
                state[shape.subnodeScale + $0] * sums[$0] + state[shape.subnodeBias + $0]
            }
            var (next, used) = ([Double](), shape.sums)
            for node in 0..<shape.nodes {
                var h = node < shape.sums ? subnodes[node] : 1
                if node >= shape.sums {
                    for _ in 0..<shape.arities[node - shape.sums] {
                        h *= subnodes[used]
                        used += 1
                    }
                }
                next.append(state[shape.nodeScale + node] * h + state[shape.nodeBias + node])
            }
            self.sums.append(sums)
            self.subnodes.append(subnodes)
            self.splines.append(splines)
            self.numerical.append(numerical)
            self.symbolic.append(symbolic)
            acts.append(next)
        }
    }

    /// Every row of x.
    static func all(_ network: KAN<Double>, _ x: [Double]) -> [NaiveSample] {
        let D = network.architecture.inputs
        return (0..<(x.count / D)).map { NaiveSample(network, Array(x[($0 * D)..<($0 * D + D)])) }
    }
}
