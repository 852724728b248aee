// GridTransfer: giving a spline to another grid: knots from samples, refinement, and taking over another network.
//
// What it must get right, in this order:
//   1. Where the new knots contain the old ones, the function inside the grid is the same to rounding (knot insertion).
//   2. Elsewhere the least-squares fit at the samples, of minimum norm where samples leave coefficients undetermined; never NaN.
//      Samples outside the old grid must not lose their function with it: the extended part of a finer grid is shorter.
//   3. One factorisation for each input, whatever the number of outputs; memory of one input at a time.
//   4. A failure changes nothing.

extension KAN {
    /// Moves every layer's knots to the samples and refits its splines (pykan: `update_grid_from_samples`).
    ///
    /// Layers in order, each from the activations that the layers before it now give; scales and masks stay.
    /// - Throws: `KANError.invalid` if activations are not finite, or their range or that of the knots is not; nothing is changed then.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func updateGrid(
        x: UnsafePointer<T>, n: Int, evaluation: Evaluation, placement: KnotPlacement = KnotPlacement()
    ) throws(KANError) {
        guard n >= 1 else { throw .invalid("x has no samples; a grid needs at least 1") }
        try placement.checked()
        let before = try KAN(copying: self)
        do throws(KANError) {
            for l in layers.indices {
                let shape = layers[l]
                try withInputs(ofLayer: l, x: x, n: n, evaluation: evaluation) { (inputs) throws(KANError) in
                    try forEachInput(shape) { (i) throws(KANError) in
                        let column = (0..<n).map { inputs[$0 * shape.inputs + i] }
                        let sorted = try self.sorted(column)
                        guard sorted[0].isFinite, sorted[n - 1].isFinite, !column.contains(where: \.isNaN) else {
                            if !self.hasSplines(shape, input: i) { return }
                            throw Self.notFinite(layer: l, ", so they give no grid")
                        }
                        let grid = KnotVector.fromSamples(
                            sorted, grid: shape.grid, gridEps: T(self.gridEps), margin: T(placement.margin),
                            weights: placement.curvature ? before.curvatureWeights(sorted, layer: l, input: i) : nil)
                        guard KnotVector.isWithinNumbers(grid, k: shape.k) else {
                            if !self.hasSplines(shape, input: i) { return }
                            throw .invalid(
                                "the inputs of layer \(l) reach from \(sorted[0]) to \(sorted[n - 1]), too far for a grid in this precision; scale the data")
                        }
                        try self.transfer(
                            from: before, layer: l, input: i, samples: column, newGrid: grid, insertKnots: false, bounded: false)
                    }
                }
            }
        } catch {
            state.update(from: before.state, count: architecture.stateCount)
            throw error
        }
    }

    /// The error of inputs that are NaN or infinite, and what makes those of a hidden layer so.
    private static func notFinite(layer l: Int, _ consequence: String = "") -> KANError {
        let remedy = "; look at the edges before it for a symbolic one that is outside its function's domain, and free it or avoid singularities"
        return .invalid("the inputs of layer \(l) are not finite at these samples\(consequence)\(l == 0 ? "" : remedy)")
    }

    /// A network with other grid sizes and this one's function (pykan: `refine`).
    ///
    /// - Parameter grid: intervals of each layer.
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func refined(
        grid: [Int], x: UnsafePointer<T>, n: Int, evaluation: Evaluation
    ) throws(KANError) -> KAN {
        guard grid.count == layers.count else {
            throw .invalid("new_grid has \(grid.count) entries for \(layers.count) layers")
        }
        var settings = Settings(
            sums: [layers[0].inputs] + layers.map(\.sums), multiplications: [0] + layers.map(\.arities.count),
            arities: layers.flatMap(\.arities), grid: grid, k: layers.map(\.k))
        settings.baseFunction = baseFunction
        let child = try KAN(uninitialized: settings)
        child.affineTrainable = affineTrainable
        child.scaleSpTrainable = scaleSpTrainable
        child.scaleBaseTrainable = scaleBaseTrainable
        child.gridEps = gridEps
        try child.initialize(from: self, x: x, n: n, evaluation: evaluation)
        child.symbolicEnabled = symbolicEnabled
        return child
    }

    /// Takes over the function of a network of the same widths (pykan: `initialize_from_another_model`).
    @_specialize(where T == Double)
    @_specialize(where T == Float)
    public func initialize(
        from parent: KAN, x: UnsafePointer<T>, n: Int, evaluation: Evaluation
    ) throws(KANError) {
        guard parent !== self else { throw .invalid("another_model is the model itself; give another one") }
        guard n >= 1 else { throw .invalid("x has no samples; fitting the splines needs at least 1") }
        guard parent.baseFunction == baseFunction else {
            throw .invalid("another_model has another base function; the base functions must be the same")
        }
        guard parent.layers.count == layers.count,
            zip(parent.layers, layers).allSatisfy({
                $0.inputs == $1.inputs && $0.sums == $1.sums && $0.arities == $1.arities
            })
        else { throw .invalid("another_model has another width or mult_arity; they must be the same") }
        let outer = (checkpoint, parent.checkpoint)  // either's ends the work of both
        checkpoint = outer.0 ?? outer.1
        parent.checkpoint = checkpoint
        defer { (checkpoint, parent.checkpoint) = outer }
        let before = try KAN(copying: self)
        do throws(KANError) {
            for (block, other) in zip(architecture.blocks, parent.architecture.blocks)
            where block.kind != .coef && !block.name.hasSuffix(".grid") {
                (state + block.offset).update(from: parent.state + other.offset, count: block.count)
            }
            for l in layers.indices {
                let (shape, old) = (layers[l], parent.layers[l])
                try parent.withInputs(ofLayer: l, x: x, n: n, evaluation: evaluation) { (inputs) throws(KANError) in
                    try forEachInput(shape) { (i) throws(KANError) in
                        var column = (0..<n).map { inputs[$0 * shape.inputs + i] }
                        let oldGrid = parent.state + old.knots + i * old.knotCount + old.k
                        if !column.allSatisfy(\.isFinite) {
                            if parent.hasSplines(old, input: i) {
                                throw Self.notFinite(layer: l)
                            }
                            let (low, high, count) = (oldGrid[0], oldGrid[old.grid], 8 * shape.grid)
                            column = (0...count).map { low + (high - low) * (T($0) / T(count)) }
                        }
                        let grid = KnotVector.refined(oldGrid, grid: old.grid, to: shape.grid)
                        try self.transfer(
                            from: parent, layer: l, input: i, samples: column, newGrid: grid, insertKnots: true, bounded: true)
                        try self.reachOut(from: parent, layer: l, input: i, samples: column)
                    }
                }
            }
        } catch {
            state.update(from: before.state, count: architecture.stateCount)
            throw error
        }
        functions = parent.functions
    }

    /// Calls `body` with the inputs (n, inputs) of layer l at x.
    private func withInputs(
        ofLayer l: Int, x: UnsafePointer<T>, n: Int, evaluation: Evaluation,
        _ body: (UnsafePointer<T>) throws(KANError) -> Void
    ) throws(KANError) {
        // Each thread has a column of samples at a time, copies of it in order, and the coefficients of its splines.
        let (shape, threads) = (layers[l], Double(Threads.count))
        try requireMemory(
            doubles: threads * (4 * Double(n) + Double(shape.outputs + 1024) * Double(4 * shape.basisCount)))
        if l == 0 { return try body(x) }
        let inputs = try AlignedBuffer<T>(count: n * layers[l].inputs)
        try activations(.acts, layer: l, x: x, n: n, evaluation: evaluation, into: inputs.base)
        try body(inputs.base)
    }

    /// Is a spline of an input switched on. Else its grid is in no use, and its samples need not be finite.
    func hasSplines(_ shape: LayerShape, input i: Int) -> Bool {
        (0..<shape.outputs).contains { state[shape.mask + i * shape.outputs + $0] != 0 }
    }

    /// The samples in rising order, by sorted pieces that are merged, so that a long sort can be cancelled.
    private func sorted(_ values: [T]) throws(KANError) -> [T] {
        var runs: [[T]] = []
        for start in stride(from: 0, to: values.count, by: 1 << 16) {
            if checkpoint?.isCancelled() == true { throw .cancelled }
            runs.append(values[start..<min(values.count, start + (1 << 16))].sorted())
        }
        while runs.count > 1 {
            var merged: [[T]] = []
            for pair in stride(from: 0, to: runs.count, by: 2) {
                if checkpoint?.isCancelled() == true { throw .cancelled }
                merged.append(pair + 1 < runs.count ? Self.merged(runs[pair], runs[pair + 1]) : runs[pair])
            }
            runs = merged
        }
        return runs[0]
    }

    private static func merged(_ a: [T], _ b: [T]) -> [T] {
        var result: [T] = []
        result.reserveCapacity(a.count + b.count)
        var (i, j) = (0, 0)
        while i < a.count && j < b.count {
            if b[j] < a[i] {
                result.append(b[j])
                j += 1
            } else {
                result.append(a[i])
                i += 1
            }
        }
        result += a[i...]
        result += b[j...]
        return result
    }

    /// Calls `body` for every input of a layer, on several threads; each call owns its input's knots and coefficients.
    private func forEachInput(_ shape: LayerShape, _ body: (Int) throws(KANError) -> Void) throws(KANError) {
        var failures = [KANError?](repeating: nil, count: shape.inputs)
        failures.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let failures = buffer
            ThreadPool.run(
                tasks: shape.inputs, threads: Threads.count, whileWaiting: checkpoint?.pollWhileWaiting
            ) { i in
                do throws(KANError) { try body(i) } catch { failures[i] = error }
            }
        }
        if let first = failures.compactMap({ $0 }).first { throw first }
    }

    /// Differences of functions that are a smaller part of them than this are rounding, of knots and coefficients too.
    private static var rounding: Double { max(1e-12, 16 * Double(T.ulpOfOne)) }

    /// By more than this a spline's coefficients grow on another grid only where samples hardly determine them. What they make there the samples do not see,
    /// but hidden nodes get there as soon as the layers before give other values by a little.
    private static var growth: Double { 4 }

    /// Sets the knots of input i to `newGrid`, extended, and its splines to those of `parent`.
    ///
    /// With `insertKnots`, where the new grid contains the old, splines start from the exact ones and only what samples
    /// outside the grid miss is fitted; without, they are the fit of minimum norm. With `bounded`, coefficients many times as large as before are kept only where
    /// smaller ones would miss the samples by more: grids that are not made for the samples have places that these do not determine.
    private func transfer(
        from parent: KAN, layer l: Int, input i: Int, samples: [T], newGrid: [T], insertKnots: Bool, bounded: Bool
    ) throws(KANError) {
        let (shape, old) = (layers[l], parent.layers[l])
        let (nb, outputs) = (shape.basisCount, shape.outputs)
        let oldKnots = parent.state + old.knots + i * old.knotCount
        let oldCoef = parent.state + old.coef + i * outputs * old.basisCount
        let knots = state + shape.knots + i * shape.knotCount
        // `parent` may be a copy of this very network, but never shares its memory.
        for m in newGrid.indices { knots[shape.k + m] = newGrid[m] }
        KnotVector.extend(knots, grid: shape.grid, k: shape.k)

        let coefOld = (0..<(outputs * old.basisCount)).map { Double(oldCoef[$0]) }
        var coef = [Double](repeating: 0, count: outputs * nb)
        let nested = insertKnots && shape.k == old.k && shape.grid % old.grid == 0
        if nested {
            let insertion = KnotInsertion(
                from: (0..<old.knotCount).map { Double(oldKnots[$0]) }, oldGrid: old.grid,
                to: (0..<shape.knotCount).map { Double(knots[$0]) }, newGrid: shape.grid, k: shape.k)
            coef = insertion.coefficients(coefOld, outputs: outputs)
        }
        var (oldBasis, newBasis) = (
            try BasisMatrix(knots: oldKnots, grid: old.grid, k: old.k),
            try BasisMatrix(knots: knots, grid: shape.grid, k: shape.k)
        )
        // Splines that are 0 stay it: in networks of few edges those of nearly all outputs.
        let used = (0..<outputs).filter { o in (0..<old.basisCount).contains { coefOld[o * old.basisCount + $0] != 0 } }
        let before = BasisMatrix.columns(coefOld, of: used, old.basisCount)
        let inserted = nested ? BasisMatrix.columns(coef, of: used, nb) : []
        var fit = try StreamingLeastSquares(columns: nb, rightHandSides: used.count)
        var (largest, largestResidual) = (0.0, 0.0)
        let block = 512
        for start in stride(from: 0, to: used.isEmpty ? 0 : samples.count, by: block) {
            if checkpoint?.isCancelled() == true { throw .cancelled }
            let points = samples[start..<min(samples.count, start + block)].map { Double($0) }
            var target = BasisMatrix.product(oldBasis.rows(at: points), before, points.count, old.basisCount)
            let matrix = newBasis.rows(at: points)
            largest = target.reduce(largest) { max($0, abs($1)) }
            if nested {
                let reached = BasisMatrix.product(matrix, inserted, points.count, nb)
                for e in target.indices { target[e] -= reached[e] }
                largestResidual = target.reduce(largestResidual) { max($0, abs($1)) }
            }
            try fit.add(rows: points.count, matrix: matrix, rightHandSides: target)
        }
        // Fitting rounding errors would blow them up in directions that samples hardly determine.
        if !nested || largestResidual > Self.rounding * largest {
            // Coefficients of 1/rcond lose rcond⁻¹·ulp of the function when they are rounded to T; dropping directions loses rcond of it.
            let ulp = Double(T.ulpOfOne)
            let rcond = min(ulp * Double(max(samples.count, nb)), ulp.squareRoot())
            let solution: [Double]
            if bounded {
                let sizes = used.map { o in (0..<old.basisCount).reduce(0) { max($0, abs(coefOld[o * old.basisCount + $1])) } }
                solution = try fit.boundedSolution(rcond: rcond, loss: ulp) { b, u, value in
                    abs(coef[used[u] * nb + b] + value) / (Self.growth * sizes[u])
                }
            } else {
                solution = try fit.solve(rcond: rcond).solution
            }
            for b in 0..<nb {
                for (u, o) in used.enumerated() { coef[o * nb + b] += solution[b * used.count + u] }
            }
        }
        let target = state + shape.coef + i * outputs * nb
        for e in coef.indices { target[e] = T(coef[e]) }
    }

    /// After `transfer` with `insertKnots`: where samples lie outside the parent's grid, as hidden ones do that have moved since the
    /// grid was placed, takes a grid that covers them, if that halves the error at the samples at least.
    private func reachOut(from parent: KAN, layer l: Int, input i: Int, samples: [T]) throws(KANError) {
        let (shape, old) = (layers[l], parent.layers[l])
        guard let low = samples.min(), let high = samples.max(),
            let grid = KnotVector.reaching(
                parent.state + old.knots + i * old.knotCount, grid: old.grid, k: old.k, to: shape.grid, low: low, high: high)
        else { return }
        let knots = UnsafeMutableBufferPointer(start: state + shape.knots + i * shape.knotCount, count: shape.knotCount)
        let count = shape.outputs * shape.basisCount
        let coef = UnsafeMutableBufferPointer(start: state + shape.coef + i * count, count: count)
        let (first, firstKnots, firstCoef) = (
            try misfit(from: parent, layer: l, input: i, samples: samples), Array(knots), Array(coef)
        )
        guard first.error > Self.rounding * first.size else { return }
        try transfer(from: parent, layer: l, input: i, samples: samples, newGrid: grid, insertKnots: false, bounded: true)
        let second = try misfit(from: parent, layer: l, input: i, samples: samples)
        if second.error <= 0.5 * first.error { return }
        _ = knots.update(from: firstKnots)
        _ = coef.update(from: firstCoef)
    }

    /// The root of the summed squares, over samples and outputs, of what the splines of input i differ by from the parent's, and that of
    /// the parent's own.
    private func misfit(
        from parent: KAN, layer l: Int, input i: Int, samples: [T]
    ) throws(KANError) -> (error: Double, size: Double) {
        let (shape, old) = (layers[l], parent.layers[l])
        let (nb, outputs) = (shape.basisCount, shape.outputs)
        let coef = (0..<(outputs * nb)).map { Double(state[shape.coef + i * outputs * nb + $0]) }
        let coefOld = (0..<(outputs * old.basisCount)).map {
            Double(parent.state[old.coef + i * outputs * old.basisCount + $0])
        }
        var (oldBasis, newBasis) = (
            try BasisMatrix(knots: parent.state + old.knots + i * old.knotCount, grid: old.grid, k: old.k),
            try BasisMatrix(knots: state + shape.knots + i * shape.knotCount, grid: shape.grid, k: shape.k)
        )
        let all = Array(0..<outputs)
        let (first, second) = (BasisMatrix.columns(coefOld, of: all, old.basisCount), BasisMatrix.columns(coef, of: all, nb))
        var (error, size) = (0.0, 0.0)
        for start in stride(from: 0, to: samples.count, by: 512) {
            if checkpoint?.isCancelled() == true { throw .cancelled }
            let points = samples[start..<min(samples.count, start + 512)].map { Double($0) }
            let target = BasisMatrix.product(oldBasis.rows(at: points), first, points.count, old.basisCount)
            let reached = BasisMatrix.product(newBasis.rows(at: points), second, points.count, nb)
            for e in target.indices {
                error += (target[e] - reached[e]) * (target[e] - reached[e])
                size += target[e] * target[e]
            }
        }
        return (error.squareRoot(), size.squareRoot())
    }
}
