// CellForward: the sums of a narrow layer for predictions, by the k + 1 basis functions of each sample's cell.
//
// A gradient needs all functions of an input as rows (LayerForward.swift). A prediction does not, and where lanes can pick their cells'
// coefficients (CellKernels.swift) it takes k + 2 multiply-adds an edge and sample whatever the grid, as the wide form does, but for the
// edges that are switched on alone.
//
// What it must get right, in this order:
//   1. The same function as `narrowForward`, to rounding; a sample's bits depend on nothing but the sample and the network.
//   2. Knots that have changed are seen: `FoldedLayer.takeCells` before a sweep.

extension FoldedLayer {
    /// Does it pay to evaluate a narrow layer of this shape cell by cell: where lanes can pick, and where the tables of all inputs stay in
    /// the second-level cache or are read for many edges.
    static func mayUseCells(_ shape: LayerShape) -> Bool {
        let tables = CellTables(cells: shape.grid + 2 * shape.k, k: shape.k, most: T.tableEntries)
        let bytes = shape.inputs * tables.count * MemoryLayout<T>.stride
        return shape.k >= 1 && tables.entries > 0 && (shape.outputs >= 16 || bytes <= 512 << 10)
    }

    /// z = the sums of numeric edges.
    @inline(never)
    func cellForward(_ w: Workspace<T>, _ rows: LayerRows<T>) {
        RowKernels<T>.fill(rows.z, .zero, shape.outputs * w.nv)
        switch (shape.k, shape.basisCount > T.lanes) {
        case (1, false): cellForward(One.self, One.self, w, rows)
        case (1, true): cellForward(One.self, Two.self, w, rows)
        case (2, false): cellForward(Two.self, One.self, w, rows)
        case (2, true): cellForward(Two.self, Two.self, w, rows)
        case (_, false): cellForward(Three.self, One.self, w, rows)
        case (_, true): cellForward(Three.self, Two.self, w, rows)
        }
    }

    @inline(__always)
    private func cellForward<K: Constant, Registers: Constant>(
        _: K.Type, _: Registers.Type, _ w: Workspace<T>, _ rows: LayerRows<T>
    ) {
        let (nv, hasBase, short) = (w.nv, baseFunction != .zero, tableEntries == Sixteen.value)
        for i in 0..<shape.inputs {
            let (edges, first) = (numericEdges[i], numericEdges.start(i))
            if edges.isEmpty { continue }
            let (x, basis) = (rows.x + i * nv, rows.basis + basisPlace(i, w))
            if w.samples < T.lanes / 2 {
                fillSamples(K.self, cellSplines[i], x, w, into: basis)
            } else if short {
                fillCells(K.self, Sixteen.self, cellSplines[i], x, w, into: basis)
            } else {
                fillCells(K.self, ThirtyTwo.self, cellSplines[i], x, w, into: basis)
            }
            if hasBase { baseFunction.rows(T.self, x: x, nv: nv, value: basis + (K.value &+ 1) &* nv, derivative: nil) }
            let cells = CellRows<T>(functions: basis, first: w.argument, nv: nv, hasBase: hasBase)
            var e = 0
            while e &+ RowGroup<T>.count <= edges.count {
                let z = RowGroup<T>(rows.z, numericEdges.outputs(i) + e, nv)
                cells.addFour(K.self, Registers.self, weight(first &+ e), rowCount, to: z)
                e = e &+ RowGroup<T>.count
            }
            while e < edges.count {
                cells.addOne(K.self, Registers.self, weight(first &+ e), rowCount, to: rows.z + edges[e] * nv)
                e = e &+ 1
            }
        }
    }

    /// Writes the values of the functions of every sample's cell, a row a function, and the numbers of the first ones into `w.argument`.
    @inline(never)
    private func fillCells<K: Constant, Entries: Constant>(
        _: K.Type, _: Entries.Type, _ spline: LocalBSpline<T, SIMD8<T>>, _ x: UnsafePointer<T.Vector>, _ w: Workspace<T>,
        into functions: UnsafeMutablePointer<T.Vector>
    ) {
        let (nv, low, high) = (w.nv, spline.low, spline.high)
        for v in 0..<nv {
            let cells = findCells(K.self, spline, x, w, v)
            T.lookUpFunctions(
                K.self, Entries.self, spline.tables, cells, T.clamp(x[v], low, high), slopes: false, into: functions + v, step: nv)
        }
    }

    /// `fillCells` for few samples, one by one: the same bits, without reading all of the tables.
    @inline(never)
    private func fillSamples<K: Constant>(
        _: K.Type, _ spline: LocalBSpline<T, SIMD8<T>>, _ x: UnsafePointer<T.Vector>, _ w: Workspace<T>,
        into functions: UnsafeMutablePointer<T.Vector>
    ) {
        let k = K.value
        let place = T.clamp(x[0], spline.low, spline.high)
        let cells = findCells(K.self, spline, x, w, 0)
        RowKernels<T>.fill(functions, .zero, k &+ 1)
        let rows = UnsafeMutableRawPointer(functions).assumingMemoryBound(to: T.self)
        for s in 0..<w.samples {
            let cell = Int(cells[s])
            let values = spline.values(cell, (place[s] - spline.knots[cell]) * spline.inverse[cell], k: k)
            for j in 0...k { rows[j &* T.lanes &+ s] = values[j] }
        }
    }

    /// The cells of vector v, whose first functions' numbers go into `w.argument`.
    @inline(__always)
    private func findCells<K: Constant>(
        _: K.Type, _ spline: LocalBSpline<T, SIMD8<T>>, _ x: UnsafePointer<T.Vector>, _ w: Workspace<T>, _ v: Int
    ) -> UnsafePointer<Int32> {
        let cells = UnsafeMutableRawPointer(w.value + v).assumingMemoryBound(to: Int32.self)
        let first = UnsafeMutableRawPointer(w.slope + v).assumingMemoryBound(to: Int32.self)
        T.findCells(x[v], spline.knots, cells: spline.cells, k: K.value, first: first, cell: cells)
        w.argument[v] = T.indexes(first)
        return UnsafePointer(cells)
    }
}
