// The C interface: training, random numbers, threads. See swiftkan.h.

import CSwiftKAN
import SwiftKAN

@_cdecl("swiftkan_fit_options_init") @implementation
public func swiftkan_fit_options_init(_ options: UnsafeMutablePointer<swiftkan_fit_options>!) {
    guard let options else { return }
    let d = FitOptions()
    var o = swiftkan_fit_options()
    o.optimizer = Int32(d.optimizer.rawValue)
    o.update_grid = d.updateGrid ? 1 : 0
    o.steps = Int64(d.steps)
    o.batch = Int64(d.batch)
    o.epochs = d.epochs ? 1 : 0
    o.seed = d.seed
    o.grid_update_num = Int64(d.gridUpdateNum)
    o.start_grid_update_step = Int64(d.startGridUpdateStep)
    o.stop_grid_update_step = Int64(d.stopGridUpdateStep)
    (o.grid_margin, o.grid_curvature) = (d.placement.margin, d.placement.curvature ? 1 : 0)
    o.continued = d.continued ? 1 : 0
    o.lr = d.lr
    (o.beta1, o.beta2, o.eps, o.weight_decay, o.momentum) = (d.beta1, d.beta2, d.eps, d.weightDecay, d.momentum)
    (o.history_size, o.max_iter, o.max_eval) = (Int64(d.historySize), Int64(d.maxIter), Int64(d.maxEval))
    (o.tolerance_grad, o.tolerance_change, o.tolerance_ys) = (d.toleranceGrad, d.toleranceChange, d.toleranceYs)
    o.patience = Int64(d.patience)
    o.min_delta = d.minDelta
    o.objective = swiftkan_objective(d.objective)
    o.evaluation = swiftkan_evaluation(
        singularity_avoiding: d.evaluation.avoidSingularities ? 1 : 0, reserved: 0, y_th: d.evaluation.yTh, poll: nil, context: nil)
    options.pointee = o
}

extension swiftkan_fit_options {
    /// The engine's options; ranges that it checks itself are checked there.
    func checked() throws(KANError) -> FitOptions {
        var o = FitOptions()
        o.optimizer = try checkedCase(optimizer, OptimizerKind.self, "optimizer")
        guard steps >= 0, steps <= Int64(1) << 40 else { throw .invalid("steps is \(steps); it must be at least 0") }
        o.steps = Int(steps)
        o.batch = Int(batch)
        o.epochs = epochs != 0
        o.seed = seed
        o.updateGrid = update_grid != 0
        o.gridUpdateNum = Int(grid_update_num)
        o.startGridUpdateStep = Int(start_grid_update_step)
        o.stopGridUpdateStep = Int(stop_grid_update_step)
        o.placement = KnotPlacement(margin: grid_margin, curvature: grid_curvature != 0)
        o.continued = continued != 0
        o.lr = lr
        if let lr_factor { o.lrFactor = (0..<Int(steps)).map { lr_factor[$0] } }
        (o.beta1, o.beta2, o.eps, o.weightDecay, o.momentum) = (beta1, beta2, eps, weight_decay, momentum)
        (o.historySize, o.maxIter, o.maxEval) = (Int(history_size), Int(max_iter), Int(max_eval))
        (o.toleranceGrad, o.toleranceChange, o.toleranceYs) = (tolerance_grad, tolerance_change, tolerance_ys)
        o.patience = Int(patience)
        o.minDelta = min_delta
        o.objective = try checkedObjective(objective)
        o.evaluation = try checkedEvaluation(evaluation)
        return o
    }
}

extension swiftkan_callbacks {
    /// The same callbacks as closures.
    func bound<T: KANScalar>(_: T.Type) -> FitCallbacks<T> {
        var callbacks = FitCallbacks<T>()
        let context = context
        func closure(
            _ function: (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<swiftkan_progress>?) -> Int32)?
        ) -> ((Progress) -> CallbackAnswer)? {
            guard let function else { return nil }
            return { p in
                var progress = swiftkan_progress(
                    step: Int64(p.step), steps: Int64(p.steps), train_loss: p.trainLoss, test_loss: p.testLoss,
                    reg: p.reg)
                switch function(context, &progress) {
                case Int32(SWIFTKAN_CONTINUE): return .proceed
                case Int32(SWIFTKAN_STOP): return .stop
                default: return .cancel
                }
            }
        }
        callbacks.poll = closure(poll)
        callbacks.step = closure(step)
        if let loss {
            callbacks.loss = { isTest, prediction, index, rows, gradient in
                var value = 0.0
                let answer = loss(context, isTest ? 1 : 0, prediction, index, Int64(rows), &value, gradient)
                return answer == Int32(SWIFTKAN_CONTINUE) ? value : nil
            }
        }
        return callbacks
    }
}

@_cdecl("swiftkan_fit") @implementation
public func swiftkan_fit(
    _ model: OpaquePointer!, _ train: UnsafePointer<swiftkan_data>!, _ test: UnsafePointer<swiftkan_data>!,
    _ options: UnsafePointer<swiftkan_fit_options>!, _ callbacks: UnsafePointer<swiftkan_callbacks>!,
    _ report: UnsafeMutablePointer<swiftkan_fit_report>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    var ending: (swiftkan_status, String) = (swiftkan_status.SWIFTKAN_OK, "")
    let status = changingModel(model, message) { (model) throws(KANError) in
        let target = try checkedPointer(report, "report")
        let o = try checkedPointer(options, "options").pointee.checked()
        let trainSamples = try checkedSamples(train, model, "train")
        let testSamples = test == nil ? nil : try checkedSamples(test, model, "test")
        let result = try model.fit(trainSamples, testSamples, o, callbacks?.pointee ?? swiftkan_callbacks())
        for (array, values) in [
            (target.pointee.train_loss, result.trainLoss), (target.pointee.test_loss, result.testLoss),
            (target.pointee.reg, result.reg),
        ] {
            array?.update(from: values, count: values.count)
        }
        target.pointee.steps = Int64(result.steps)
        target.pointee.best_step = Int64(result.bestStep)
        target.pointee.evaluations = Int64(result.evaluations)
        target.pointee.reason = Int32(result.reason.rawValue)
        if result.cancelled {
            ending = (swiftkan_status.SWIFTKAN_CANCELLED, "cancelled by a callback after \(result.steps) complete steps")
        } else if result.reason == .diverged {
            ending = (
                swiftkan_status.SWIFTKAN_DIVERGED,
                "the loss was not finite in step \(result.steps); the last finite parameters were restored. "
                    + "Try a smaller lr, or scale the data."
            )
        }
    }
    guard status == swiftkan_status.SWIFTKAN_OK else { return status }
    write(ending.1, to: message)
    return ending.0
}

// MARK: - Random numbers and threads

@_cdecl("swiftkan_uniform") @implementation
public func swiftkan_uniform(
    _ seed: UInt32, _ skip: Int64, _ dtype: Int32, _ count: Int64, _ out: UnsafeMutableRawPointer!,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    funnel(message) { () throws(KANError) in
        let count = try checkedCount(count, columns: 1, "count")
        let skip = try checkedCount(skip, columns: 1, "skip")
        if count == 0 { return }
        let out = try checkedPointer(out, "out")
        var random = MersenneTwister(seed: seed)
        random.skip(skip)
        switch dtype {
        case Int32(swiftkan_dtype.SWIFTKAN_FLOAT32.rawValue):
            let target = out.assumingMemoryBound(to: Float.self)
            for e in 0..<count { target[e] = random.uniformFloat() }
        case Int32(swiftkan_dtype.SWIFTKAN_FLOAT64.rawValue):
            let target = out.assumingMemoryBound(to: Double.self)
            for e in 0..<count { target[e] = random.uniformDouble() }
        default: throw .invalid("dtype is \(dtype); it must be SWIFTKAN_FLOAT32 (4) or SWIFTKAN_FLOAT64 (8)")
        }
    }
}

@_cdecl("swiftkan_set_num_threads") @implementation
public func swiftkan_set_num_threads(_ threads: Int64, _ message: UnsafeMutablePointer<CChar>!) -> swiftkan_status {
    funnel(message) { () throws(KANError) in
        guard threads >= 1, threads <= 4096 else {
            throw .invalid("the number of threads is \(threads); it must be 1 … 4096")
        }
        Threads.setCount(Int(threads))
    }
}

@_cdecl("swiftkan_get_num_threads") @implementation
public func swiftkan_get_num_threads() -> Int64 { Int64(Threads.count) }
