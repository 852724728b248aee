// The C interface: bad arguments give INVALID and a message that names them; messages end within their buffer.

import CSwiftKAN
import Testing
@testable import SwiftKAN
@testable import SwiftKANBridge

private let ok = swiftkan_status.SWIFTKAN_OK, invalid = swiftkan_status.SWIFTKAN_INVALID

/// Settings of [2, [1, 1], 1] whose arrays stay good.
private func settings(dtype: Int32 = 8) -> swiftkan_settings {
    var s = swiftkan_settings()
    swiftkan_settings_init(&s)
    s.dtype = dtype
    s.depth = 2
    (s.n_sum, s.n_mult, s.mult_arity) = (kept([2, 1, 1]), kept([0, 1, 0]), kept([2]))
    (s.grid, s.k) = (kept([3, 3]), kept([3, 3]))
    return s
}

private func model(dtype: Int32 = 8) throws -> OpaquePointer {
    var s = settings(dtype: dtype)
    var model: OpaquePointer?
    #expect(swiftkan_create(&s, &model, nil) == ok)
    return try #require(model)
}

/// Calls `body` with a message buffer and gives the status and the text.
private func call(_ body: (UnsafeMutablePointer<CChar>) -> swiftkan_status) -> (status: swiftkan_status, text: String) {
    let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(SWIFTKAN_MESSAGE_SIZE) + 8)
    defer { message.deallocate() }
    message.initialize(repeating: 0x7f, count: Int(SWIFTKAN_MESSAGE_SIZE) + 8)
    let status = body(message)
    let used = (0..<Int(SWIFTKAN_MESSAGE_SIZE)).first { message[$0] == 0 }
    #expect(used != nil, "no NUL")
    #expect((0..<8).allSatisfy { message[Int(SWIFTKAN_MESSAGE_SIZE) + $0] == 0x7f }, "written beyond the buffer")
    return (status, String(cString: message))
}

private func expectInvalid(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: (UnsafeMutablePointer<CChar>) -> swiftkan_status
) {
    let (status, message) = call(body)
    #expect(status == invalid && message.contains(text), "\(status): \(message)", sourceLocation: sourceLocation)
}

@Suite struct BridgeTests {
    @Test func settingsAreChecked() {
        func refused(_ text: String, _ change: (inout swiftkan_settings) -> Void) {
            var s = settings()
            change(&s)
            var model: OpaquePointer?
            expectInvalid(text) { swiftkan_create(&s, &model, $0) }
            #expect(model == nil)
        }
        refused("dtype is 5") { $0.dtype = 5 }
        refused("base_fun is 3") { $0.base_fun = 3 }
        refused("base_fun is -1") { $0.base_fun = -1 }
        refused("depth is 0") { $0.depth = 0 }
        refused("depth is -1") { $0.depth = -1 }
        refused("depth is \(Int64.max)") { $0.depth = .max }
        refused("n_sum is NULL") { $0.n_sum = nil }
        refused("n_mult is NULL") { $0.n_mult = nil }
        refused("mult_arity is NULL") { $0.mult_arity = nil }
        refused("grid is NULL") { $0.grid = nil }
        refused("k is NULL") { $0.k = nil }
        refused("n_mult[1] is \(Int64.max)") { $0.n_mult = kept([0, .max, 0]) }
        refused("n_mult[0] is -1") { $0.n_mult = kept([-1, 1, 0]) }
        refused("grid[0] is \(Int64.min)") { $0.grid = kept([.min, 3]) }
        refused("k[1] is 21") { $0.k = kept([3, 21]) }
        var s = settings(), model: OpaquePointer?
        expectInvalid("settings is NULL") { swiftkan_create(nil, &model, $0) }
        expectInvalid("model is NULL") { swiftkan_create(&s, nil, $0) }
        swiftkan_settings_init(nil)
        swiftkan_objective_init(nil)
        swiftkan_fit_options_init(nil)
        swiftkan_destroy(nil)
    }

    @Test func everyFunctionRefusesNoModel() {
        let d = UnsafeMutablePointer<Double>.allocate(capacity: 1)
        defer { d.deallocate() }
        var e: Int64 = 0
        var (o, f, info, block) = (swiftkan_objective(), swiftkan_flags(), swiftkan_info(), swiftkan_block())
        var (data, options, report) = (swiftkan_data(), swiftkan_fit_options(), swiftkan_fit_report())
        var other: OpaquePointer?
        expectInvalid("model is NULL") { swiftkan_copy(nil, &other, $0) }
        expectInvalid("model is NULL") { swiftkan_info_get(nil, &info, $0) }
        expectInvalid("model is NULL") { swiftkan_block_get(nil, 0, &block, $0) }
        expectInvalid("model is NULL") { swiftkan_flags_get(nil, &f, $0) }
        expectInvalid("model is NULL") { swiftkan_flags_set(nil, &f, $0) }
        expectInvalid("model is NULL") { swiftkan_symbolic_get(nil, 0, 0, 0, &e, $0) }
        expectInvalid("model is NULL") { swiftkan_symbolic_set(nil, 0, 0, 0, 0, $0) }
        expectInvalid("model is NULL") { swiftkan_forward(nil, d, 1, nil, d, $0) }
        expectInvalid("model is NULL") { swiftkan_activations(nil, d, 1, nil, 0, 0, d, $0) }
        expectInvalid("model is NULL") { swiftkan_statistics(nil, d, 2, nil, d, $0) }
        expectInvalid("model is NULL") { swiftkan_loss_gradient(nil, &data, &o, nil, d, d, nil, nil, $0) }
        expectInvalid("model is NULL") { swiftkan_vjp(nil, d, 1, nil, d, nil, nil, $0) }
        expectInvalid("model is NULL") { swiftkan_regularization(nil, d, 2, &o, nil, d, nil, $0) }
        expectInvalid("model is NULL") { swiftkan_update_grid(nil, d, 1, 0, 0, nil, $0) }
        expectInvalid("model is NULL") { swiftkan_refine(nil, kept([3, 3]), d, 1, nil, &other, $0) }
        expectInvalid("model is NULL") { swiftkan_initialize_from(nil, nil, d, 1, nil, $0) }
        expectInvalid("model is NULL") { swiftkan_fit(nil, &data, nil, &options, nil, &report, $0) }
        #expect(swiftkan_statistics_count(nil) == 0)
    }

    @Test func pointersCountsAndEnumerations() throws {
        let m = try model()
        defer { swiftkan_destroy(m) }
        let x = kept(uniform(8, seed: 1)), y = UnsafeMutablePointer<Double>.allocate(capacity: 4096)
        var bad = swiftkan_evaluation(singularity_avoiding: 0, reserved: 0, y_th: 0, poll: nil, context: nil)
        expectInvalid("x is NULL") { swiftkan_forward(m, nil, 4, nil, y, $0) }
        expectInvalid("y is NULL") { swiftkan_forward(m, x, 4, nil, nil, $0) }
        expectInvalid("n is -1") { swiftkan_forward(m, x, -1, nil, y, $0) }
        for n in [Int64.max, 1 << 49, 1 << 56] { expectInvalid("can be addressed") { swiftkan_forward(m, x, n, nil, y, $0) } }
        expectInvalid("y_th is 0") { swiftkan_forward(m, x, 4, &bad, y, $0) }
        bad.y_th = .nan
        expectInvalid("y_th is nan") { swiftkan_forward(m, x, 4, &bad, y, $0) }
        #expect(swiftkan_forward(m, nil, 0, nil, nil, nil) == ok)
        for kind in [Int32(-1), 6, .max] { expectInvalid("kind is \(kind)") { swiftkan_activations(m, x, 4, nil, kind, 0, y, $0) } }
        for l in [Int64(-1), 3, .max, .min] { expectInvalid("l is \(l)") { swiftkan_activations(m, x, 4, nil, 0, l, y, $0) } }
        expectInvalid("out is NULL") { swiftkan_activations(m, x, 4, nil, 0, 0, nil, $0) }
        for n in [Int64(0), 1] { expectInvalid("at least 2") { swiftkan_statistics(m, x, n, nil, y, $0) } }
        expectInvalid("statistics is NULL") { swiftkan_statistics(m, x, 4, nil, nil, $0) }
        for (l, i, j) in [(Int64(2), Int64(0), Int64(0)), (0, 2, 0), (0, 0, 3), (-1, 0, 0), (.min, .max, 0)] {
            expectInvalid("must be 0") { swiftkan_symbolic_set(m, l, i, j, 0, $0) }
        }
        for f in [Int64(1) << 40, -1, .max] {  // other tests add functions beyond the library's
            expectInvalid("function is \(f)") { swiftkan_symbolic_set(m, 0, 0, 0, f, $0) }
            expectInvalid("function is \(f)") { swiftkan_function_evaluate(f, 8, x, 1, 0, 10, y, nil, $0) }
            #expect(swiftkan_function_name(f) == nil)
        }
        expectInvalid("dtype is 0") { swiftkan_function_evaluate(0, 0, x, 1, 0, 10, y, nil, $0) }
        var block = swiftkan_block()
        for index in [Int64(-1), 22, .max] { expectInvalid("index is \(index)") { swiftkan_block_get(m, index, &block, $0) } }
        var flags = swiftkan_flags()
        flags.grid_eps = 2
        expectInvalid("grid_eps is 2") { swiftkan_flags_set(m, &flags, $0) }
        expectInvalid("flags is NULL") { swiftkan_flags_get(m, nil, $0) }
        var child: OpaquePointer?
        expectInvalid("grid is NULL") { swiftkan_refine(m, nil, x, 4, nil, &child, $0) }
        expectInvalid("n is 0") { swiftkan_refine(m, kept([6, 6]), x, 0, nil, &child, $0) }
        expectInvalid("grid[1] is -6") { swiftkan_refine(m, kept([6, -6]), x, 4, nil, &child, $0) }
        expectInvalid("itself") { swiftkan_initialize_from(m, m, x, 4, nil, $0) }
        let single = try model(dtype: 4)
        defer { swiftkan_destroy(single) }
        expectInvalid("dtype") { swiftkan_initialize_from(m, single, x, 4, nil, $0) }
        for threads in [Int64(0), -1, .max] { expectInvalid("threads is \(threads)") { swiftkan_set_num_threads(threads, $0) } }
        expectInvalid("count is -1") { swiftkan_uniform(1, 0, 8, -1, y, $0) }
        expectInvalid("skip is -1") { swiftkan_uniform(1, -1, 8, 1, y, $0) }
        expectInvalid("out is NULL") { swiftkan_uniform(1, 0, 8, 1, nil, $0) }
        expectInvalid("dtype is 7") { swiftkan_uniform(1, 0, 7, 1, y, $0) }
    }

    @Test func objectivesDataAndOptions() throws {
        let m = try model()
        defer { swiftkan_destroy(m) }
        var data = swiftkan_data(n: 4, x: kept(uniform(8, seed: 1)), y: kept(uniform(4, seed: 2)), labels: nil, weight: nil)
        var report = swiftkan_fit_report()
        var value = 0.0, reg = 0.0
        func refused(_ text: String, _ change: (inout swiftkan_fit_options, inout swiftkan_data) -> Void) {
            var (options, d) = (swiftkan_fit_options(), data)
            swiftkan_fit_options_init(&options)
            change(&options, &d)
            expectInvalid(text) { swiftkan_fit(m, &d, nil, &options, nil, &report, $0) }
        }
        refused("optimizer is 8") { o, _ in o.optimizer = 8 }
        refused("steps is -1") { o, _ in o.steps = -1 }
        refused("loss is 6") { o, _ in o.objective.loss = 6 }
        refused("reg_metric is 5") { o, _ in o.objective.reg_metric = 5 }
        refused("lamb is nan") { o, _ in o.objective.lamb = .nan }
        refused("y_th is -1") { o, _ in o.evaluation.y_th = -1 }
        refused("custom loss needs") { o, _ in o.objective.loss = 5 }
        refused("grid_update_num is \(Int64.min)") { o, _ in o.grid_update_num = .min }
        refused("n of train is 0") { _, d in d.n = 0 }
        refused("n of train is \(Int64.min)") { _, d in d.n = .min }
        refused("x of train is NULL") { _, d in d.x = nil }
        refused("neither y nor labels") { _, d in d.y = nil }
        var (options, o) = (swiftkan_fit_options(), swiftkan_objective())
        swiftkan_fit_options_init(&options)
        swiftkan_objective_init(&o)
        expectInvalid("train is NULL") { swiftkan_fit(m, nil, nil, &options, nil, &report, $0) }
        expectInvalid("options is NULL") { swiftkan_fit(m, &data, nil, nil, nil, &report, $0) }
        expectInvalid("report is NULL") { swiftkan_fit(m, &data, nil, &options, nil, nil, $0) }
        expectInvalid("objective is NULL") { swiftkan_loss_gradient(m, &data, nil, nil, &value, &reg, nil, nil, $0) }
        expectInvalid("loss is NULL") { swiftkan_loss_gradient(m, &data, &o, nil, nil, &reg, nil, nil, $0) }
        o.loss = 5
        expectInvalid("SWIFTKAN_CUSTOM") { swiftkan_loss_gradient(m, &data, &o, nil, &value, &reg, nil, nil, $0) }
        // Extreme schedules overflow nothing.
        for (number, stop) in [(Int64.max, Int64.max), (1, .max), (2, .max), (1, .min)] {
            (options.steps, options.grid_update_num, options.stop_grid_update_step) = (2, number, stop)
            #expect(swiftkan_fit(m, &data, nil, &options, nil, &report, nil) == ok && report.steps == 2)
        }
    }

    /// A long message is cut between characters, never within one.
    @Test func messagesAreCutAtCharacters() {
        for text in ["", "ä", String(repeating: "x", count: 511), String(repeating: "x", count: 600)]
            + (0..<4).map({ String(repeating: "a", count: $0) + String(repeating: "…", count: 300) })
            + (0..<3).map({ String(repeating: "a", count: $0) + String(repeating: "👩‍👩‍👧", count: 60) })
        {
            let (_, found) = call { write(text, to: $0); return ok }
            #expect(text.hasPrefix(found) && found.utf8.count <= 511)
            #expect(found == text || found.utf8.count > 511 - 25)
        }
        write("nothing happens", to: nil)
        #expect(funnel(nil) { () throws(KANError) in throw .cancelled } == swiftkan_status.SWIFTKAN_CANCELLED)
        #expect(funnel(nil) { () throws(KANError) in throw .noMemory(5) } == swiftkan_status.SWIFTKAN_NO_MEMORY)
        #expect(funnel(nil) { () throws(KANError) in throw .internal("") } == swiftkan_status.SWIFTKAN_INTERNAL)
    }

    @Test func divergenceAndCancellationAreStatuses() throws {
        let m = try model()
        defer { swiftkan_destroy(m) }
        var data = swiftkan_data(n: 4, x: kept(uniform(8, seed: 1)), y: kept(uniform(4, seed: 2)), labels: nil, weight: nil)
        var (options, report, info) = (swiftkan_fit_options(), swiftkan_fit_report(), swiftkan_info())
        swiftkan_fit_options_init(&options)
        (options.optimizer, options.lr, options.steps) = (3, 1e308, 5)
        let diverged = call { swiftkan_fit(m, &data, nil, &options, nil, &report, $0) }
        #expect(diverged.status == swiftkan_status.SWIFTKAN_DIVERGED && diverged.text.contains("not finite") && report.reason == 4)
        #expect(swiftkan_info_get(m, &info, nil) == ok && info.input_count == 2 && info.output_count == 1)
        let state = info.state.assumingMemoryBound(to: Double.self)
        #expect((0..<Int(info.state_count)).allSatisfy { state[$0].isFinite })
        options.lr = 0.1
        var callbacks = swiftkan_callbacks()
        callbacks.step = { _, progress in progress?.pointee.step == 2 ? 2 : 0 }
        let cancelled = call { swiftkan_fit(m, &data, nil, &options, &callbacks, &report, $0) }
        #expect(cancelled.status == swiftkan_status.SWIFTKAN_CANCELLED && report.steps == 2 && cancelled.text.contains("2 complete"))
    }
}
