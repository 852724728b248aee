// The C interface: symbolic functions, those that users add, and their fit to an edge. See swiftkan.h.
//
// What it must get right: a number that is no function is refused before anything is evaluated.

import CSwiftKAN
import SwiftKAN

@_cdecl("swiftkan_function_count") @implementation
public func swiftkan_function_count() -> Int64 { Int64(EdgeFunction.count) }

/// C strings of the library's names, made once and kept for the life of the process.
nonisolated(unsafe) private let functionNames: [UnsafePointer<CChar>] = SymbolicFunction.allCases.map { function in
    let bytes = Array(function.name.utf8)
    let name = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
    copy(function.name, to: name, capacity: bytes.count + 1)
    return UnsafePointer(name)
}

@_cdecl("swiftkan_function_name") @implementation
public func swiftkan_function_name(_ function: Int64) -> UnsafePointer<CChar>! {
    guard function >= 0, function < swiftkan_function_count() else { return nil }
    if case .added(let added)? = EdgeFunction(number: Int(function)) { return added.cName }
    return functionNames[Int(function)]
}

private func checkedFunction(_ function: Int64) throws(KANError) -> EdgeFunction {
    let count = swiftkan_function_count()
    guard function >= 0, function < count, let found = EdgeFunction(number: Int(function)) else {
        throw .invalid("function is \(function); it must be 0 … \(count - 1)")
    }
    return found
}

/// A C function and what it is called with; the caller of swiftkan_function_add vouches for both.
private struct AddedBody: @unchecked Sendable {
    let body: swiftkan_function_body
    let context: UnsafeMutableRawPointer?
}

@_cdecl("swiftkan_function_add") @implementation
public func swiftkan_function_add(
    _ name: UnsafePointer<CChar>!, _ body: swiftkan_function_body!, _ context: UnsafeMutableRawPointer!,
    _ function: UnsafeMutablePointer<Int64>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    funnel(message) { () throws(KANError) in
        let name = String(cString: try checkedPointer(name, "name"))
        let target = try checkedPointer(function, "function")
        let added = AddedBody(body: try checkedPointer(body, "body"), context: context)
        target.pointee = Int64(
            try EdgeFunction.add(name: name) { isDouble, x, count, avoid, yTh, value, derivative in
                let dtype = isDouble ? swiftkan_dtype.SWIFTKAN_FLOAT64 : swiftkan_dtype.SWIFTKAN_FLOAT32
                return added.body(
                    added.context, Int32(dtype.rawValue), x, Int64(count), avoid ? 1 : 0, yTh, value, derivative) == 0
            }.number)
    }
}

@_cdecl("swiftkan_function_evaluate") @implementation
public func swiftkan_function_evaluate(
    _ function: Int64, _ dtype: Int32, _ x: UnsafeRawPointer!, _ n: Int64, _ avoid_singularities: Int32,
    _ y_th: Double, _ y: UnsafeMutableRawPointer!, _ dy: UnsafeMutableRawPointer!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    funnel(message) { () throws(KANError) in
        let f = try checkedFunction(function)
        let n = try checkedCount(n, columns: 1, "n")
        let e = try checkedEvaluation(
            swiftkan_evaluation(singularity_avoiding: avoid_singularities, reserved: 0, y_th: y_th, poll: nil, context: nil))
        if n == 0 { return }
        let (x, y) = (try checkedPointer(x, "x"), try checkedPointer(y, "y"))
        func run<T: KANScalar>(_: T.Type) {
            f.evaluate(
                x.assumingMemoryBound(to: T.self), count: n, value: y.assumingMemoryBound(to: T.self),
                derivative: dy?.assumingMemoryBound(to: T.self), avoidSingularities: e.avoidSingularities,
                yTh: T(e.yTh))
        }
        switch dtype {
        case Int32(swiftkan_dtype.SWIFTKAN_FLOAT32.rawValue): run(Float.self)
        case Int32(swiftkan_dtype.SWIFTKAN_FLOAT64.rawValue): run(Double.self)
        default: throw .invalid("dtype is \(dtype); it must be SWIFTKAN_FLOAT32 (4) or SWIFTKAN_FLOAT64 (8)")
        }
    }
}

@_cdecl("swiftkan_symbolic_get") @implementation
public func swiftkan_symbolic_get(
    _ model: OpaquePointer!, _ l: Int64, _ i: Int64, _ j: Int64, _ function: UnsafeMutablePointer<Int64>!,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    onModel(model, message) { (model) throws(KANError) in
        let target = try checkedPointer(function, "function")
        target.pointee = Int64(try model.function(layer: Int(l), input: Int(i), output: Int(j)).number)
    }
}

@_cdecl("swiftkan_symbolic_set") @implementation
public func swiftkan_symbolic_set(
    _ model: OpaquePointer!, _ l: Int64, _ i: Int64, _ j: Int64, _ function: Int64,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    changingModel(model, message) { (model) throws(KANError) in
        try model.setFunction(try checkedFunction(function), layer: Int(l), input: Int(i), output: Int(j))
    }
}

@_cdecl("swiftkan_symbolic_fit") @implementation
public func swiftkan_symbolic_fit(
    _ functions: UnsafePointer<Int64>!, _ count: Int64, _ x: UnsafePointer<Double>!, _ y: UnsafePointer<Double>!,
    _ n: Int64, _ a_range: UnsafePointer<Double>!, _ b_range: UnsafePointer<Double>!,
    _ poll: (@convention(c) (UnsafeMutableRawPointer?) -> Int32)!, _ context: UnsafeMutableRawPointer!,
    _ affine: UnsafeMutablePointer<Double>!, _ r2: UnsafeMutablePointer<Double>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    funnel(message) { () throws(KANError) in
        let count = try checkedCount(count, columns: 4, "count")
        let n = try checkedCount(n, columns: 2, "n", atLeast: 1)
        func range(_ p: UnsafePointer<Double>?) -> (Double, Double) { p.map { ($0[0], $0[1]) } ?? (-10, 10) }
        let (x, y) = (try checkedPointer(x, "x"), try checkedPointer(y, "y"))
        if count == 0 { return }
        let numbers = try checkedPointer(functions, "functions")
        let (affine, r2) = (try checkedPointer(affine, "affine"), try checkedPointer(r2, "r2"))
        var wanted: [EdgeFunction] = []
        for e in 0..<count { wanted.append(try checkedFunction(numbers[e])) }
        let asked: (() -> CallbackAnswer)? = poll.map { poll in
            { poll(context) == Int32(SWIFTKAN_CONTINUE) ? .proceed : .cancel }
        }
        let found = try SymbolicFit.fit(
            wanted, x: x, y: y, count: n, aRange: range(a_range), bRange: range(b_range), poll: asked)
        for (e, result) in found.enumerated() {
            (affine[4 * e], affine[4 * e + 1], affine[4 * e + 2], affine[4 * e + 3]) = (result.a, result.b, result.c, result.d)
            r2[e] = result.r2
        }
    }
}
