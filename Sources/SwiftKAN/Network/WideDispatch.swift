// WideDispatch: from numbers to the copies of the wide kernels that are made for them.
//
// What it must get right: every pair of 1 … 4 vectors and k = 1 … 5 has a copy of its own; nothing else comes here.

/// Something to be done with a number of vectors and a degree as types.
private protocol WideVisitor {
    func visit<N: Constant, K: Constant>(_: N.Type, _: K.Type)
}

extension WideVisitor {
    @inline(__always)
    func visit(vectors: Int, k: Int) {
        switch vectors {
        case 1: visit(One.self, k)
        case 2: visit(Two.self, k)
        case 3: visit(Three.self, k)
        default: visit(Four.self, k)
        }
    }

    @inline(__always)
    private func visit<N: Constant>(_: N.Type, _ k: Int) {
        switch k {
        case 1: visit(N.self, One.self)
        case 2: visit(N.self, Two.self)
        case 3: visit(N.self, Three.self)
        case 4: visit(N.self, Four.self)
        default: visit(N.self, Five.self)
        }
    }
}

/// The kernels of `WideKernels` with the number of vectors and k as numbers.
struct WideDispatch<T: KANScalar> {
    let vectors, k: Int
    let basis: WideBasis<T>
    let rowCount: Int

    @inline(__always)
    func forward(_ weights: UnsafePointer<T.Vector>, into z: UnsafeMutablePointer<T.Vector>) {
        Forward(call: self, weights: weights, z: z).visit(vectors: vectors, k: k)
    }

    @inline(__always)
    func weightGradient(_ dz: UnsafePointer<T.Vector>, into dw: UnsafeMutablePointer<T.Vector>) {
        WeightGradient(call: self, dz: dz, dw: dw).visit(vectors: vectors, k: k)
    }

    @inline(__always)
    func inputGradient(
        _ dz: UnsafePointer<T.Vector>, _ weights: UnsafePointer<T.Vector>, into pulls: UnsafeMutablePointer<T.Vector>
    ) {
        InputGradient(call: self, dz: dz, weights: weights, pulls: pulls).visit(vectors: vectors, k: k)
    }
}

private struct Forward<T: KANScalar>: WideVisitor {
    let call: WideDispatch<T>
    let weights: UnsafePointer<T.Vector>
    let z: UnsafeMutablePointer<T.Vector>

    @inline(__always)
    func visit<N: Constant, K: Constant>(_: N.Type, _: K.Type) {
        if WideBasis<T>.hasRunKernels(k: K.value) && call.basis.hasRuns {
            WideKernels<T, N, K>.runForward(call.basis, weights, rowCount: call.rowCount, into: z)
        } else {
            WideKernels<T, N, K>.forward(call.basis, weights, rowCount: call.rowCount, into: z)
        }
    }
}

private struct WeightGradient<T: KANScalar>: WideVisitor {
    let call: WideDispatch<T>
    let dz: UnsafePointer<T.Vector>
    let dw: UnsafeMutablePointer<T.Vector>

    @inline(__always)
    func visit<N: Constant, K: Constant>(_: N.Type, _: K.Type) {
        if WideBasis<T>.hasRunKernels(k: K.value) && call.basis.hasRuns {
            WideKernels<T, N, K>.runGradient(call.basis, dz, rowCount: call.rowCount, into: dw)
        } else {
            WideKernels<T, N, K>.weightGradient(call.basis, dz, rowCount: call.rowCount, into: dw)
        }
    }
}

private struct InputGradient<T: KANScalar>: WideVisitor {
    let call: WideDispatch<T>
    let dz, weights: UnsafePointer<T.Vector>
    let pulls: UnsafeMutablePointer<T.Vector>

    @inline(__always)
    func visit<N: Constant, K: Constant>(_: N.Type, _: K.Type) {
        WideKernels<T, N, K>.inputGradient(call.basis, dz, weights, rowCount: call.rowCount, into: pulls)
    }
}
