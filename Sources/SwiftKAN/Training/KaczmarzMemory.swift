// KaczmarzMemory: the numbers of a layer in Newton-Kaczmarz, between the network's state and the kernel in KaczmarzLayer.swift.
//
// What it must get right: `store` is the mirror of `load`, and writes nothing that does not train.

final class KaczmarzMemory<T: KANScalar, V: KANVector> where V.Scalar == T {
    let shape: LayerShape
    var layer: KaczmarzLayer<T, V>
    private let splines: LocalBSplineMemory<T, V>
    private let buffers: [AlignedBuffer<T>]

    init(_ shape: LayerShape, _ baseFunction: BaseFunction) throws(KANError) {
        self.shape = shape
        let inputVectors = (shape.inputs + T.lanes - 1) / T.lanes
        let ov = (shape.outputs + T.lanes - 1) / T.lanes
        let (inputs, outputs) = (inputVectors * T.lanes, ov * T.lanes)
        splines = try LocalBSplineMemory(inputs: shape.inputs, grid: shape.grid, k: shape.k)
        let width = shape.outputs == 1 ? 1 : outputs
        let rowCount = shape.basisCount + 2 * shape.k
        var buffers: [AlignedBuffer<T>] = []
        func numbers(_ count: Int) throws(KANError) -> UnsafeMutablePointer<T> {
            let buffer = try AlignedBuffer<T>(count: count)
            buffers.append(buffer)
            return buffer.base
        }
        let cells = UnsafeMutablePointer<Int>.allocate(capacity: inputs)
        cells.initialize(repeating: 0, count: inputs)
        let values = UnsafeMutablePointer<V>.allocate(capacity: 2 * inputs)
        values.initialize(repeating: .zero, count: 2 * inputs)
        let tables = UnsafeMutablePointer<LocalBSpline<T, V>>.allocate(capacity: inputs)
        for i in 0..<shape.inputs { (tables + i).initialize(to: splines.table(i)) }
        layer = KaczmarzLayer(
            inputs: shape.inputs, outputs: shape.outputs, grid: shape.grid, k: shape.k, basisCount: shape.basisCount,
            rowCount: rowCount, inputVectors: inputVectors, ov: ov, isSingle: shape.outputs == 1, width: width,
            baseFunction: baseFunction, tables: tables,
            // V.scalarCount more: a vector of k + 1 rows may read beyond the last.
            weights: try numbers(shape.inputs * rowCount * width + V.scalarCount), baseWeights: try numbers(inputs * width),
            splineOpen: try numbers(inputs * width), baseOpen: try numbers(inputs * width), unit: try numbers(outputs),
            baseUnit: try numbers(inputs), cells: cells, values: values, slopes: values + inputs, squares: try numbers(inputs),
            base: try numbers(inputs), baseSlope: try numbers(inputs), x: try numbers(inputs), dx: try numbers(inputs),
            z: try numbers(outputs), dz: try numbers(outputs), change: try numbers(outputs))
        self.buffers = buffers
    }

    deinit {
        layer.cells.deallocate()
        layer.values.deallocate()
        layer.tables.deallocate()
    }

    /// Takes over the numbers of `network`, whose layer this is.
    ///
    /// - Parameters:
    ///   - units: of the outputs; see NewtonKaczmarz.swift.
    ///   - stretches: may the grids of this layer stretch.
    func load(_ network: KAN<T>, units: [T], stretches: Bool) {
        let state = network.state
        let (nb, k, width, base) = (shape.basisCount, shape.k, layer.width, layer.baseFunction)
        for o in 0..<shape.outputs { layer.unit[o] = units[o] * units[o] }
        layer.baseTrains = base != .zero && network.scaleBaseTrainable
        layer.isFull = true
        layer.stretches = stretches
        for i in 0..<shape.inputs {
            let t = UnsafePointer(state) + shape.knots + i * shape.knotCount
            splines.update(i, knots: t)
            layer.tables[i] = splines.table(i)
            // Knots that were stretched in place are no news to `update`.
            layer.tables[i].bucketScale = LocalBSplineMemory<T, V>.bucketScale(
                cells: layer.tables[i].cells, length: Double(t[shape.grid + 2 * k]) - Double(t[0]))
            let (low, high) = (base.value(t[k]), base.value(t[k + shape.grid]))
            layer.baseUnit[i] = 1 / max(1, max(low * low, high * high))
            for o in 0..<shape.outputs {
                let (mask, scale) = factors(state, i, o)
                let w = layer.weights + (i * layer.rowCount + k) * width + o
                let coef = state + shape.coef + (i * shape.outputs + o) * nb
                for b in 0..<nb { w[b * width] = mask * scale * coef[b] }
                layer.baseWeights[i * width + o] = base == .zero ? 0 : mask * state[shape.scaleBase + i * shape.outputs + o]
                layer.splineOpen[i * width + o] = mask * scale != 0 ? 1 : 0
                layer.baseOpen[i * width + o] = mask != 0 ? 1 : 0
                if mask * scale == 0 { layer.isFull = false }
            }
        }
    }

    /// The mirror of `load`.
    func store(_ network: KAN<T>) {
        let state = network.state
        let (nb, k, width) = (shape.basisCount, shape.k, layer.width)
        for i in 0..<shape.inputs {
            if layer.stretches {
                (state + shape.knots + i * shape.knotCount).update(from: layer.tables[i].knots, count: shape.knotCount)
            }
            for o in 0..<shape.outputs {
                let (mask, scale) = factors(state, i, o)
                let edge = i * shape.outputs + o
                if mask * scale != 0 {
                    let w = layer.weights + (i * layer.rowCount + k) * width + o
                    for b in 0..<nb { state[shape.coef + edge * nb + b] = w[b * width] / (mask * scale) }
                }
                if layer.baseTrains && mask != 0 { state[shape.scaleBase + edge] = layer.baseWeights[i * width + o] / mask }
            }
        }
    }

    private func factors(_ state: UnsafePointer<T>, _ i: Int, _ o: Int) -> (mask: T, scale: T) {
        (state[shape.mask + i * shape.outputs + o], state[shape.scaleSp + i * shape.outputs + o])
    }
}
