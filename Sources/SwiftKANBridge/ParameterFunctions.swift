// The C interface: derivatives of the outputs with respect to the trained parameters. See swiftkan.h.

import CSwiftKAN
import SwiftKAN

@_cdecl("swiftkan_parameter_columns") @implementation
public func swiftkan_parameter_columns(
    _ model: OpaquePointer!, _ count: UnsafeMutablePointer<Int64>!, _ index: UnsafeMutablePointer<Int64>!,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    onModel(model, message) { (model) throws(KANError) in
        let count = try checkedPointer(count, "count")
        let columns = try model.parameterColumns()
        if let index {
            try checkColumns(count.pointee, columns.count)
            for (c, column) in columns.enumerated() { index[c] = Int64(column) }
        }
        count.pointee = Int64(columns.count)
    }
}

@_cdecl("swiftkan_parameter_jacobian") @implementation
public func swiftkan_parameter_jacobian(
    _ model: OpaquePointer!, _ x: UnsafeRawPointer!, _ n: Int64, _ evaluation: UnsafePointer<swiftkan_evaluation>!,
    _ count: Int64, _ jacobian: UnsafeMutablePointer<Double>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let a = model.architecture
        let columns = try checkedCount(count, columns: 1, "count")
        let (row, overflow) = columns.multipliedReportingOverflow(by: a.outputs)
        guard !overflow else { throw .invalid("count is \(count), more columns than can be addressed") }
        let n = try checkedCount(n, columns: max(a.inputs, row), "n")
        if n == 0 { return }
        try model.parameterJacobian(
            try checkedPointer(x, "x"), n, e, columns, try checkedPointer(jacobian, "jacobian"))
    }
}

@_cdecl("swiftkan_normal_matrix") @implementation
public func swiftkan_normal_matrix(
    _ model: OpaquePointer!, _ data: UnsafePointer<swiftkan_data>!, _ evaluation: UnsafePointer<swiftkan_evaluation>!,
    _ count: Int64, _ matrix: UnsafeMutablePointer<Double>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let samples = try checkedSamples(data, model, "data")
        let columns = try checkedCount(count, columns: 1, "count")
        try model.normalMatrix(samples, e, columns, try checkedPointer(matrix, "matrix"))
    }
}

private func checkColumns(_ given: Int64, _ count: Int) throws(KANError) {
    guard given == Int64(count) else {
        throw .invalid("count is \(given), but the model has \(count) trained parameters")
    }
}
