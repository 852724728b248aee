// EdgeFunction: the function of a symbolic edge, one of the library's or one that the user has added.
//
// What it must get right, in this order:
//   1. A number means the same function for the life of the process; what was added is never taken away.
//   2. An added function runs on the thread that called the engine, never on a worker: it may belong to a language whose
//      threads need a lock. Whoever shares work among threads asks `isAdded` first.
//   3. The library's functions cost what they cost without this file.

import Synchronization

/// A function from outside the library. Its body never changes, so that threads may share it.
public final class AddedFunction: Sendable {
    /// Writes f(x) and, unless the last pointer is nil, f′(x); the pointers are to Doubles or Floats as `isDouble` says.
    public typealias Body =
        @Sendable (
            _ isDouble: Bool, _ x: UnsafeRawPointer, _ count: Int, _ avoidSingularities: Bool, _ yTh: Double,
            _ value: UnsafeMutableRawPointer, _ derivative: UnsafeMutableRawPointer?
        ) -> Bool

    public let number: Int
    public let name: String
    /// The name as bytes that end with NUL, kept for the life of the process.
    nonisolated(unsafe) public let cName: UnsafePointer<CChar>
    let body: Body

    init(number: Int, name: String, body: @escaping Body) {
        (self.number, self.name, self.body) = (number, name, body)
        let bytes = Array(name.utf8)
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
        for (k, byte) in bytes.enumerated() { copy[k] = CChar(bitPattern: byte) }
        copy[bytes.count] = 0
        cName = UnsafePointer(copy)
    }
}

/// One of the library's functions, or an added one.
public enum EdgeFunction: Sendable, Equatable {
    case library(SymbolicFunction)
    case added(AddedFunction)

    private static let registry = Mutex<[AddedFunction]>([])

    /// How many functions there are: the library's and those added so far.
    public static var count: Int { SymbolicFunction.allCases.count + registry.withLock { $0.count } }

    /// The function of this number, or nil.
    public init?(number: Int) {
        let library = SymbolicFunction.allCases.count
        if let function = SymbolicFunction(rawValue: number) {
            self = .library(function)
        } else if number >= library,
            let function = Self.registry.withLock({ $0.indices.contains(number - library) ? $0[number - library] : nil })
        {
            self = .added(function)
        } else {
            return nil
        }
    }

    /// Adds a function under the next number. Numbers are not reused: a second function of the same name is another one.
    ///
    /// - Throws: `KANError.invalid` for an empty name or one of the library's.
    public static func add(name: String, body: @escaping AddedFunction.Body) throws(KANError) -> AddedFunction {
        guard !name.isEmpty else { throw .invalid("name is empty; a function needs a name") }
        guard SymbolicFunction(name: name) == nil else {
            throw .invalid("name is \"\(name)\", a function of the library; choose another name")
        }
        return registry.withLock { added in
            let function = AddedFunction(
                number: SymbolicFunction.allCases.count + added.count, name: name, body: body)
            added.append(function)
            return function
        }
    }

    public var number: Int {
        switch self {
        case .library(let function): function.rawValue
        case .added(let function): function.number
        }
    }

    public var name: String {
        switch self {
        case .library(let function): function.name
        case .added(let function): function.name
        }
    }

    public static func == (one: EdgeFunction, other: EdgeFunction) -> Bool { one.number == other.number }

    public var isAdded: Bool {
        if case .added = self { true } else { false }
    }

    /// As `SymbolicFunction.evaluate`. An added function that fails gives NaN.
    @inline(__always)
    public func evaluate<T: KANScalar>(
        _ x: UnsafePointer<T>, count: Int, value: UnsafeMutablePointer<T>, derivative: UnsafeMutablePointer<T>?,
        avoidSingularities: Bool, yTh: T
    ) {
        switch self {
        case .library(let function):
            function.evaluate(
                x, count: count, value: value, derivative: derivative, avoidSingularities: avoidSingularities, yTh: yTh)
        case .added(let function):
            let done = function.body(
                T.self == Double.self, UnsafeRawPointer(x), count, avoidSingularities, Double(yTh),
                UnsafeMutableRawPointer(value), derivative.map { UnsafeMutableRawPointer($0) })
            if !done {
                value.update(repeating: .nan, count: count)
                derivative?.update(repeating: .nan, count: count)
            }
        }
    }
}
