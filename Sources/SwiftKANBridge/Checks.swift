// Checks at the door: pointers, counts and enumerations of the C interface, before anything is computed from them.
//
// What it must get right: after these checks no product of counts overflows and no pointer that is read is NULL.

import CSwiftKAN
import SwiftKAN

/// A count that fits every product the engine makes of it.
func checkedCount(_ n: Int64, columns: Int, _ name: String, atLeast low: Int64 = 0) throws(KANError) -> Int {
    guard n >= low else { throw .invalid("\(name) is \(n); it must be at least \(low)") }
    guard n <= Int64(1) << 48, !n.multipliedReportingOverflow(by: Int64(columns) * 8).overflow,
        n * Int64(columns) * 8 < Int64(1) << 56
    else { throw .invalid("\(name) is \(n), more samples than can be addressed") }
    return Int(n)
}

func checkedChangeable(_ model: any BridgedModel) throws(KANError) {
    if model.isCompiled { throw .invalid("the model is compiled and does not change; change the model that it was made from") }
}

func checkedPointer<P>(_ pointer: P?, _ name: String) throws(KANError) -> P {
    guard let pointer else { throw .invalid("\(name) is NULL") }
    return pointer
}

func checkedCase<E: RawRepresentable>(_ value: Int32, _: E.Type, _ name: String) throws(KANError) -> E
where E.RawValue == Int, E: CaseIterable {
    guard let found = E(rawValue: Int(value)) else {
        throw .invalid("\(name) is \(value); it must be 0 … \(E.allCases.count - 1)")
    }
    return found
}

func checkedEvaluation(_ evaluation: UnsafePointer<swiftkan_evaluation>?) throws(KANError) -> Evaluation {
    guard let evaluation else { return Evaluation() }
    return try checkedEvaluation(evaluation.pointee)
}

func checkedEvaluation(_ e: swiftkan_evaluation) throws(KANError) -> Evaluation {
    guard e.y_th > 0, e.y_th.isFinite else { throw .invalid("y_th is \(e.y_th); it must be a finite number above 0") }
    return Evaluation(avoidSingularities: e.singularity_avoiding != 0, yTh: e.y_th)
}

func checkedObjective(_ o: swiftkan_objective) throws(KANError) -> Objective {
    var objective = Objective()
    objective.loss = try checkedCase(o.loss, Loss.self, "loss")
    objective.huberDelta = o.huber_delta
    guard o.lamb.isFinite else { throw .invalid("lamb is \(o.lamb); it must be finite") }
    objective.lamb = o.lamb
    objective.regularization = try checkedRegularization(o)
    return objective
}

func checkedRegularization(_ o: swiftkan_objective) throws(KANError) -> Regularization {
    var r = Regularization()
    r.metric = try checkedCase(o.reg_metric, RegMetric.self, "reg_metric")
    for (name, value) in [
        ("lamb_l1", o.lamb_l1), ("lamb_entropy", o.lamb_entropy), ("lamb_coef", o.lamb_coef),
        ("lamb_coefdiff", o.lamb_coefdiff),
    ] where !value.isFinite {
        throw .invalid("\(name) is \(value); it must be finite")
    }
    (r.lambL1, r.lambEntropy, r.lambCoef, r.lambCoefdiff) = (o.lamb_l1, o.lamb_entropy, o.lamb_coef, o.lamb_coefdiff)
    return r
}

func checkedSamples(
    _ data: UnsafePointer<swiftkan_data>?, _ model: any BridgedModel, _ name: String
) throws(KANError) -> RawSamples {
    let d = try checkedPointer(data, name).pointee
    let columns = max(model.architecture.inputs, model.architecture.outputs)
    return RawSamples(
        n: try checkedCount(d.n, columns: columns, "n of \(name)", atLeast: 1),
        x: UnsafeRawPointer(try checkedPointer(d.x, "x of \(name)")), y: d.y.map { UnsafeRawPointer($0) },
        labels: d.labels, weight: d.weight.map { UnsafeRawPointer($0) })
}
