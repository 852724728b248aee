// EdgeFunctions: which function stands on each symbolic edge of a layer.
//
// What it must get right: a network of millions of edges, hardly any of them symbolic, pays for the symbolic ones only.

/// The functions on the edges of a layer, by edge number o·inputs + i; the constant 0 wherever none was set.
struct EdgeFunctions: Sendable, Equatable {
    private static let none = EdgeFunction.library(.zero)
    private var chosen: [Int: EdgeFunction] = [:]

    subscript(edge: Int) -> EdgeFunction {
        get { chosen[edge] ?? Self.none }
        set { chosen[edge] = newValue == Self.none ? nil : newValue }
    }
}
