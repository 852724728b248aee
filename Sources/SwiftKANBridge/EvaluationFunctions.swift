// The C interface: predictions, activations, statistics, gradients, grids. See swiftkan.h.

import CSwiftKAN
import SwiftKAN

@_cdecl("swiftkan_forward") @implementation
public func swiftkan_forward(
    _ model: OpaquePointer!, _ x: UnsafeRawPointer!, _ n: Int64, _ evaluation: UnsafePointer<swiftkan_evaluation>!,
    _ y: UnsafeMutableRawPointer!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let a = model.architecture
        let n = try checkedCount(n, columns: max(a.inputs, a.outputs), "n")
        if n == 0 { return }
        try model.predict(try checkedPointer(x, "x"), n, e, try checkedPointer(y, "y"))
    }
}

@_cdecl("swiftkan_activations") @implementation
public func swiftkan_activations(
    _ model: OpaquePointer!, _ x: UnsafeRawPointer!, _ n: Int64, _ evaluation: UnsafePointer<swiftkan_evaluation>!,
    _ kind: Int32, _ l: Int64, _ out: UnsafeMutableRawPointer!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let widest = model.architecture.layers.map { max($0.edges, $0.inputs, $0.nodes) }.max() ?? 1
        let n = try checkedCount(n, columns: widest, "n")
        let kind = try checkedCase(kind, Activation.self, "kind")
        let last = kind == .acts ? model.architecture.depth : model.architecture.depth - 1
        guard l >= 0, l <= Int64(last) else { throw .invalid("l is \(l); it must be 0 … \(last)") }
        if n == 0 { return }
        try model.activations(kind, Int(l), try checkedPointer(x, "x"), n, e, try checkedPointer(out, "out"))
    }
}

@_cdecl("swiftkan_statistics_count") @implementation
public func swiftkan_statistics_count(_ model: OpaquePointer!) -> Int64 {
    guard let box = try? ModelBox.from(model) else { return 0 }
    return Int64(box.model.statisticsCount)
}

@_cdecl("swiftkan_statistics") @implementation
public func swiftkan_statistics(
    _ model: OpaquePointer!, _ x: UnsafeRawPointer!, _ n: Int64, _ evaluation: UnsafePointer<swiftkan_evaluation>!,
    _ statistics: UnsafeMutablePointer<Double>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let n = try checkedCount(n, columns: model.architecture.inputs, "n")
        try model.statistics(
            try checkedPointer(x, "x"), n, e, try checkedPointer(statistics, "statistics"))
    }
}

@_cdecl("swiftkan_objective_init") @implementation
public func swiftkan_objective_init(_ objective: UnsafeMutablePointer<swiftkan_objective>!) {
    objective?.pointee = swiftkan_objective(Objective())
}

extension swiftkan_objective {
    init(_ o: Objective) {
        self.init(
            loss: Int32(o.loss.rawValue), reg_metric: Int32(o.regularization.metric.rawValue),
            huber_delta: o.huberDelta, lamb: o.lamb, lamb_l1: o.regularization.lambL1,
            lamb_entropy: o.regularization.lambEntropy, lamb_coef: o.regularization.lambCoef,
            lamb_coefdiff: o.regularization.lambCoefdiff)
    }
}

@_cdecl("swiftkan_loss_gradient") @implementation
public func swiftkan_loss_gradient(
    _ model: OpaquePointer!, _ data: UnsafePointer<swiftkan_data>!, _ objective: UnsafePointer<swiftkan_objective>!,
    _ evaluation: UnsafePointer<swiftkan_evaluation>!, _ loss: UnsafeMutablePointer<Double>!,
    _ reg: UnsafeMutablePointer<Double>!, _ grad: UnsafeMutableRawPointer!, _ grad_x: UnsafeMutableRawPointer!,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let samples = try checkedSamples(data, model, "data")
        let o = try checkedObjective(try checkedPointer(objective, "objective").pointee)
        guard o.loss != .custom else { throw .invalid("loss is SWIFTKAN_CUSTOM, which only swiftkan_fit takes") }
        let (loss, reg) = (try checkedPointer(loss, "loss"), try checkedPointer(reg, "reg"))
        let value = try model.evaluate(o, samples, e, grad, grad_x)
        loss.pointee = value.loss
        reg.pointee = value.reg
    }
}

@_cdecl("swiftkan_vjp") @implementation
public func swiftkan_vjp(
    _ model: OpaquePointer!, _ x: UnsafeRawPointer!, _ n: Int64, _ evaluation: UnsafePointer<swiftkan_evaluation>!,
    _ grad_output: UnsafeRawPointer!, _ grad: UnsafeMutableRawPointer!, _ grad_x: UnsafeMutableRawPointer!,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let a = model.architecture
        let n = try checkedCount(n, columns: max(a.inputs, a.outputs), "n", atLeast: 1)
        try model.vectorJacobianProduct(
            try checkedPointer(x, "x"), n, e,
            try checkedPointer(grad_output, "grad_output"), grad, grad_x)
    }
}

@_cdecl("swiftkan_regularization") @implementation
public func swiftkan_regularization(
    _ model: OpaquePointer!, _ x: UnsafeRawPointer!, _ n: Int64, _ objective: UnsafePointer<swiftkan_objective>!,
    _ evaluation: UnsafePointer<swiftkan_evaluation>!, _ reg: UnsafeMutablePointer<Double>!,
    _ grad: UnsafeMutableRawPointer!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let n = try checkedCount(n, columns: model.architecture.inputs, "n")
        let r = try checkedRegularization(try checkedPointer(objective, "objective").pointee)
        let reg = try checkedPointer(reg, "reg")
        reg.pointee = try model.regularization(
            r, try checkedPointer(x, "x"), n, e, grad)
    }
}

@_cdecl("swiftkan_update_grid") @implementation
public func swiftkan_update_grid(
    _ model: OpaquePointer!, _ x: UnsafeRawPointer!, _ n: Int64, _ margin: Double, _ curvature: Int32,
    _ evaluation: UnsafePointer<swiftkan_evaluation>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        try checkedChangeable(model)
        let n = try checkedCount(n, columns: model.architecture.inputs, "n", atLeast: 1)
        let placement = KnotPlacement(margin: margin, curvature: curvature != 0)
        try model.updateGrid(try checkedPointer(x, "x"), n, placement, e)
    }
}

@_cdecl("swiftkan_refine") @implementation
public func swiftkan_refine(
    _ model: OpaquePointer!, _ grid: UnsafePointer<Int64>!, _ x: UnsafeRawPointer!, _ n: Int64,
    _ evaluation: UnsafePointer<swiftkan_evaluation>!, _ refined: UnsafeMutablePointer<OpaquePointer?>!,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    evaluating(model, evaluation, message) { (model, e) throws(KANError) in
        let n = try checkedCount(n, columns: model.architecture.inputs, "n", atLeast: 1)
        let target = try checkedPointer(refined, "refined")
        let grid = try checkedPointer(grid, "grid")
        let child = try model.refined(
            (0..<model.architecture.depth).map { Int(grid[$0]) }, try checkedPointer(x, "x"), n,
            e)
        target.pointee = ModelBox(child).retained()
    }
}

@_cdecl("swiftkan_initialize_from") @implementation
public func swiftkan_initialize_from(
    _ model: OpaquePointer!, _ parent: OpaquePointer!, _ x: UnsafeRawPointer!, _ n: Int64,
    _ evaluation: UnsafePointer<swiftkan_evaluation>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    funnel(message) { () throws(KANError) in
        let box = try ModelBox.from(model)
        guard model != parent else { throw .invalid("parent is the model itself; give another one") }
        // A snapshot of the parent, so that two threads that initialise two models from each other cannot lock each other out.
        var snapshot: (any BridgedModel)?
        try ModelBox.from(parent).locked { (parent) throws(KANError) in snapshot = try parent.copied() }
        guard let parent = snapshot else { throw .internal("no snapshot of the parent") }
        try box.locked { (model) throws(KANError) in
            try checkedChangeable(model)
            let n = try checkedCount(n, columns: model.architecture.inputs, "n", atLeast: 1)
            try withEvaluation(evaluation, of: model) { (e) throws(KANError) in
                try model.initialize(parent, try checkedPointer(x, "x"), n, e)
            }
        }
    }
}
