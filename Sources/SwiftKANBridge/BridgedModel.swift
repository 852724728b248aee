// BridgedModel: a network behind raw pointers, whatever its dtype.
//
// What it must get right: pointers and counts were checked (Checks.swift) before they are bound to the model's type here.

import CSwiftKAN
import SwiftKAN

/// Samples as raw pointers.
struct RawSamples {
    var n: Int
    var x: UnsafeRawPointer
    var y: UnsafeRawPointer?
    var labels: UnsafePointer<Int64>?
    var weight: UnsafeRawPointer?

    func bound<T: KANScalar>(_: T.Type) -> Samples<T> {
        Samples(
            n: n, x: x.assumingMemoryBound(to: T.self), y: y?.assumingMemoryBound(to: T.self), labels: labels,
            weight: weight?.assumingMemoryBound(to: T.self))
    }
}

protocol BridgedModel: AnyObject {
    var architecture: Architecture { get }
    var baseFunction: BaseFunction { get }
    var dtype: swiftkan_dtype { get }
    var rawState: UnsafeMutableRawPointer { get }
    var statisticsCount: Int { get }
    var affineTrainable: Bool { get set }
    var scaleSpTrainable: Bool { get set }
    var scaleBaseTrainable: Bool { get set }
    var symbolicEnabled: Bool { get set }
    var gridEps: Double { get set }

    func isTrainable(_ block: StateBlock) -> Bool
    func function(layer: Int, input: Int, output: Int) throws(KANError) -> EdgeFunction
    func setFunction(_ function: EdgeFunction, layer: Int, input: Int, output: Int) throws(KANError)

    var isCompiled: Bool { get }
    func interruptible(_ poll: @escaping () -> CallbackAnswer, _ body: () throws(KANError) -> Void) throws(KANError)
    func copied() throws(KANError) -> any BridgedModel
    func compiledModel() throws(KANError) -> any BridgedModel
    func predict(_ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ y: UnsafeMutableRawPointer) throws(KANError)
    func activations(
        _ kind: Activation, _ l: Int, _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation,
        _ out: UnsafeMutableRawPointer) throws(KANError)
    func statistics(
        _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ out: UnsafeMutablePointer<Double>) throws(KANError)
    func evaluate(
        _ objective: Objective, _ data: RawSamples, _ e: Evaluation, _ gradient: UnsafeMutableRawPointer?,
        _ inputGradient: UnsafeMutableRawPointer?) throws(KANError) -> ObjectiveValue
    func vectorJacobianProduct(
        _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ v: UnsafeRawPointer,
        _ gradient: UnsafeMutableRawPointer?, _ inputGradient: UnsafeMutableRawPointer?) throws(KANError)
    func regularization(
        _ r: Regularization, _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation,
        _ gradient: UnsafeMutableRawPointer?) throws(KANError) -> Double
    func parameterColumns() throws(KANError) -> [Int]
    func parameterJacobian(
        _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ columns: Int,
        _ jacobian: UnsafeMutablePointer<Double>) throws(KANError)
    func normalMatrix(
        _ data: RawSamples, _ e: Evaluation, _ columns: Int, _ matrix: UnsafeMutablePointer<Double>) throws(KANError)
    func updateGrid(_ x: UnsafeRawPointer, _ n: Int, _ placement: KnotPlacement, _ e: Evaluation) throws(KANError)
    func refined(
        _ grid: [Int], _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation) throws(KANError) -> any BridgedModel
    func initialize(
        _ parent: any BridgedModel, _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation) throws(KANError)
    func fit(
        _ train: RawSamples, _ test: RawSamples?, _ options: FitOptions,
        _ callbacks: swiftkan_callbacks) throws(KANError) -> FitReport
}

extension KAN: BridgedModel {
    var dtype: swiftkan_dtype { T.self == Float.self ? .SWIFTKAN_FLOAT32 : .SWIFTKAN_FLOAT64 }
    var rawState: UnsafeMutableRawPointer { UnsafeMutableRawPointer(state) }

    private func bound(_ p: UnsafeRawPointer) -> UnsafePointer<T> { p.assumingMemoryBound(to: T.self) }
    private func bound(_ p: UnsafeMutableRawPointer) -> UnsafeMutablePointer<T> { p.assumingMemoryBound(to: T.self) }
    private func bound(_ p: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<T>? { p?.assumingMemoryBound(to: T.self) }

    func copied() throws(KANError) -> any BridgedModel { try KAN(copying: self) }

    func compiledModel() throws(KANError) -> any BridgedModel { try compiled() }

    func predict(_ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ y: UnsafeMutableRawPointer) throws(KANError) {
        try predict(x: bound(x), n: n, evaluation: e, into: bound(y))
    }

    func activations(
        _ kind: Activation, _ l: Int, _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ out: UnsafeMutableRawPointer
    ) throws(KANError) {
        try activations(kind, layer: l, x: bound(x), n: n, evaluation: e, into: bound(out))
    }

    func statistics(
        _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ out: UnsafeMutablePointer<Double>
    ) throws(KANError) {
        try statistics(x: bound(x), n: n, evaluation: e, into: out)
    }

    func evaluate(
        _ objective: Objective, _ data: RawSamples, _ e: Evaluation, _ gradient: UnsafeMutableRawPointer?,
        _ inputGradient: UnsafeMutableRawPointer?
    ) throws(KANError) -> ObjectiveValue {
        try evaluate(
            objective, on: data.bound(T.self), evaluation: e, gradient: bound(gradient),
            inputGradient: bound(inputGradient))
    }

    func vectorJacobianProduct(
        _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ v: UnsafeRawPointer,
        _ gradient: UnsafeMutableRawPointer?, _ inputGradient: UnsafeMutableRawPointer?
    ) throws(KANError) {
        try vectorJacobianProduct(
            x: bound(x), n: n, evaluation: e, outputGradient: bound(v), gradient: bound(gradient),
            inputGradient: bound(inputGradient))
    }

    func regularization(
        _ r: Regularization, _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ gradient: UnsafeMutableRawPointer?
    ) throws(KANError) -> Double {
        try regularization(r, x: bound(x), n: n, evaluation: e, gradient: bound(gradient))
    }

    func parameterJacobian(
        _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation, _ columns: Int, _ jacobian: UnsafeMutablePointer<Double>
    ) throws(KANError) {
        try parameterJacobian(x: bound(x), n: n, evaluation: e, columns: columns, into: jacobian)
    }

    func normalMatrix(
        _ data: RawSamples, _ e: Evaluation, _ columns: Int, _ matrix: UnsafeMutablePointer<Double>
    ) throws(KANError) {
        try normalMatrix(data.bound(T.self), evaluation: e, columns: columns, into: matrix)
    }

    func updateGrid(_ x: UnsafeRawPointer, _ n: Int, _ placement: KnotPlacement, _ e: Evaluation) throws(KANError) {
        try updateGrid(x: bound(x), n: n, evaluation: e, placement: placement)
    }

    func refined(
        _ grid: [Int], _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation
    ) throws(KANError) -> any BridgedModel {
        try refined(grid: grid, x: bound(x), n: n, evaluation: e)
    }

    func initialize(
        _ parent: any BridgedModel, _ x: UnsafeRawPointer, _ n: Int, _ e: Evaluation
    ) throws(KANError) {
        guard let parent = parent as? KAN<T> else {
            throw .invalid("another_model has another dtype; the dtypes must be the same")
        }
        try initialize(from: parent, x: bound(x), n: n, evaluation: e)
    }

    func fit(
        _ train: RawSamples, _ test: RawSamples?, _ options: FitOptions, _ callbacks: swiftkan_callbacks
    ) throws(KANError) -> FitReport {
        try fit(
            train: train.bound(T.self), test: test?.bound(T.self), options: options, callbacks: callbacks.bound(T.self))
    }
}
