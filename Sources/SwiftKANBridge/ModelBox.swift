// ModelBox: what a `swiftkan_model *` points at, and the one funnel through which every function of the C interface goes.
//
// What it must get right, in this order:
//   1. No Swift error and no trap leaves: every error becomes a status and a sentence in the caller's buffer.
//   2. One thread at a time uses a model; the same thread may come back from a callback.
//   3. Retained once when made, released once when destroyed.

import CSwiftKAN
import SwiftKAN

/// A model of either dtype, behind one lock.
final class ModelBox {
    let model: any BridgedModel
    private let lock = RecursiveLock()

    init(_ model: any BridgedModel) { self.model = model }

    func locked(_ body: (any BridgedModel) throws(KANError) -> Void) throws(KANError) {
        // `withLock` rethrows untyped errors, so the typed one travels beside it.
        var failure: KANError?
        lock.withLock {
            do throws(KANError) { try body(model) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func retained() -> OpaquePointer { OpaquePointer(Unmanaged.passRetained(self).toOpaque()) }

    static func from(_ pointer: OpaquePointer?) throws(KANError) -> ModelBox {
        guard let pointer else { throw .invalid("the model is NULL") }
        return Unmanaged<ModelBox>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }
}

/// Runs `body` and turns its error into a status and a message.
func funnel(
    _ message: UnsafeMutablePointer<CChar>?, _ body: () throws(KANError) -> Void
) -> swiftkan_status {
    do throws(KANError) {
        try body()
        write("", to: message)
        return swiftkan_status.SWIFTKAN_OK
    } catch {
        write(error.description, to: message)
        switch error {
        case .invalid: return swiftkan_status.SWIFTKAN_INVALID
        case .noMemory: return swiftkan_status.SWIFTKAN_NO_MEMORY
        case .cancelled: return swiftkan_status.SWIFTKAN_CANCELLED
        case .internal: return swiftkan_status.SWIFTKAN_INTERNAL
        }
    }
}

/// Copies as much of `text` as fits, never cutting a character in two, and ends it with NUL.
func write(_ text: String, to message: UnsafeMutablePointer<CChar>?) {
    guard let message else { return }
    copy(text, to: message, capacity: Int(SWIFTKAN_MESSAGE_SIZE))
}

func copy(_ text: String, to target: UnsafeMutablePointer<CChar>, capacity: Int) {
    var used = 0
    for character in text {
        let bytes = Array(String(character).utf8)
        guard used + bytes.count < capacity else { break }
        for byte in bytes {
            target[used] = CChar(bitPattern: byte)
            used += 1
        }
    }
    target[used] = 0
}

/// The funnel for a call that changes a model: a compiled one refuses it.
func changingModel(
    _ pointer: OpaquePointer?, _ message: UnsafeMutablePointer<CChar>?,
    _ body: (any BridgedModel) throws(KANError) -> Void
) -> swiftkan_status {
    onModel(pointer, message) { (model) throws(KANError) in
        try checkedChangeable(model)
        try body(model)
    }
}

/// The funnel for a call on a model.
func onModel(
    _ pointer: OpaquePointer?, _ message: UnsafeMutablePointer<CChar>?,
    _ body: (any BridgedModel) throws(KANError) -> Void
) -> swiftkan_status {
    funnel(message) { () throws(KANError) in try ModelBox.from(pointer).locked(body) }
}

/// The funnel for a call that evaluates a model.
func evaluating(
    _ pointer: OpaquePointer?, _ evaluation: UnsafePointer<swiftkan_evaluation>?, _ message: UnsafeMutablePointer<CChar>?,
    _ body: (any BridgedModel, Evaluation) throws(KANError) -> Void
) -> swiftkan_status {
    onModel(pointer, message) { (model) throws(KANError) in
        try withEvaluation(evaluation, of: model) { (checked) throws(KANError) in try body(model, checked) }
    }
}

/// Calls `body` so that the evaluation's `poll`, if it has one, can end what the model does.
func withEvaluation(
    _ evaluation: UnsafePointer<swiftkan_evaluation>?, of model: any BridgedModel,
    _ body: (Evaluation) throws(KANError) -> Void
) throws(KANError) {
    let checked = try checkedEvaluation(evaluation)
    guard let poll = evaluation?.pointee.poll else { return try body(checked) }
    let context = evaluation?.pointee.context
    try model.interruptible({ poll(context) == Int32(SWIFTKAN_CONTINUE) ? .proceed : .cancel }) { () throws(KANError) in
        try body(checked)
    }
}
