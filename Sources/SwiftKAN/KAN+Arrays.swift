// KAN on Swift arrays: the engine's calls for those who have [T] and no pointers.
//
// What it must get right, in this order:
//   1. No count reaches the engine unchecked: an array that is too short would be read beyond its end.
//   2. No work of its own: arrays are passed on as they are, row by row, and nothing is copied.
//
// All arrays of samples are flat, row by row: sample s is x[s·inputs ..< (s + 1)·inputs].

extension KAN {
    /// The predictions of the network, flat: (samples, outputs).
    ///
    /// - Parameters:
    ///   - x: (samples, inputs), flat. May be empty.
    ///   - evaluation: how symbolic edges are evaluated.
    /// - Throws: `KANError.invalid` if x is no whole number of rows; `KANError.noMemory`.
    ///
    ///     let network = try KAN<Double>(Settings(width: [2, 5, 1]))
    ///     let y = try network.predict([0.1, 0.2, 0.3, 0.4])  // two samples, two predictions
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func predict(_ x: [T], evaluation: Evaluation = Evaluation()) throws(KANError) -> [T] {
        let n = try sampleCount(x, "x", atLeast: 0)
        var y = [T](repeating: 0, count: n * architecture.outputs)
        try predict(x: x, n: n, evaluation: evaluation, into: &y)
        return y
    }

    /// Trains the network on arrays.
    ///
    /// - Parameters:
    ///   - x: (samples, inputs), flat.
    ///   - y: (samples, outputs), flat. For `Loss.bce` numbers in [0, 1].
    ///   - test: the same for data that are judged after every step; with `options.patience` they decide when to stop.
    ///   - options: optimiser, steps, loss, regularisation, grid updates.
    ///   - callbacks: called on this thread while training.
    /// - Returns: losses step by step (`mse` without a square root) and why training ended.
    /// - Throws: `KANError.invalid` if an array does not fit the network or holds NaN, before anything is changed;
    ///   `KANError.noMemory`.
    ///
    ///     var options = FitOptions()
    ///     options.steps = 20
    ///     let report = try network.fit(x: x, y: y, options: options)
    ///     print(report.trainLoss.last ?? .nan)
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    @discardableResult
    public func fit(
        x: [T], y: [T], test: (x: [T], y: [T])? = nil, options: FitOptions = FitOptions(),
        callbacks: FitCallbacks<T> = FitCallbacks()
    ) throws(KANError) -> FitReport {
        let n = try sampleCount(x, "x", atLeast: 1)
        try check(y, rows: n, "y")
        guard let test else {
            return try withPointers(x, y) { (x, y) throws(KANError) in
                try fit(train: Samples(n: n, x: x, y: y), test: nil, options: options, callbacks: callbacks)
            }
        }
        let m = try sampleCount(test.x, "test.x", atLeast: 1)
        try check(test.y, rows: m, "test.y")
        return try withPointers(x, y) { (x, y) throws(KANError) in
            try withPointers(test.x, test.y) { (testX, testY) throws(KANError) in
                try fit(
                    train: Samples(n: n, x: x, y: y), test: Samples(n: m, x: testX, y: testY), options: options,
                    callbacks: callbacks)
            }
        }
    }

    /// A new network with `grid` intervals in every layer and this one's function; it shares nothing with this one.
    ///
    /// Inside the grid the function is the same to rounding if `grid` is a multiple of the layer's; else it is fitted at the samples.
    ///
    /// - Parameters:
    ///   - grid: intervals of every layer, at least 1.
    ///   - x: (samples, inputs), flat: best the training data.
    /// - Throws: `KANError.invalid` if x or grid do not fit the network; `KANError.noMemory`.
    public func refined(grid: Int, x: [T], evaluation: Evaluation = Evaluation()) throws(KANError) -> KAN {
        let n = try sampleCount(x, "x", atLeast: 1)
        return try refined(grid: Array(repeating: grid, count: layers.count), x: x, n: n, evaluation: evaluation)
    }

    /// Moves the grids of all layers to the samples and refits the splines.
    ///
    /// - Parameter x: (samples, inputs), flat.
    /// - Throws: `KANError.invalid` if x does not fit the network or its activations are not finite; nothing is changed then.
    public func updateGrid(x: [T], evaluation: Evaluation = Evaluation()) throws(KANError) {
        try updateGrid(x: x, n: try sampleCount(x, "x", atLeast: 1), evaluation: evaluation)
    }

    // MARK: - Checks

    private func sampleCount(_ x: [T], _ name: String, atLeast low: Int) throws(KANError) -> Int {
        let (n, rest) = x.count.quotientAndRemainder(dividingBy: architecture.inputs)
        guard rest == 0 else {
            throw .invalid("\(name) has \(x.count) numbers, which is no whole number of rows of \(architecture.inputs) inputs")
        }
        guard n >= low else { throw .invalid("\(name) has no samples; at least \(low) is needed") }
        return n
    }

    private func check(_ y: [T], rows: Int, _ name: String) throws(KANError) {
        guard y.count == rows * architecture.outputs else {
            throw .invalid("\(name) has \(y.count) numbers; \(rows) samples of \(architecture.outputs) outputs are needed")
        }
    }

    /// Calls `body` with the addresses of both arrays, neither of them empty.
    @inline(__always)
    private func withPointers<R>(
        _ a: [T], _ b: [T], _ body: (UnsafePointer<T>, UnsafePointer<T>) throws(KANError) -> R
    ) throws(KANError) -> R {
        // A pointer argument made from an array stays valid for the call it is passed to.
        try body(a, b)
    }
}
