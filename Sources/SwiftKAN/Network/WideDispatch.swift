// WideDispatch: from numbers to the copies of the wide kernels that are made for them.
//
// What it must get right: every pair of 1 … 4 vectors and k = 1 … 5 has a copy of its own; nothing else comes here.

// The same with the number of vectors and k as numbers. (Called on any WideKernels<T, …>.)
extension WideKernels {
    @inline(__always)
    static func forward(
        _ vectors: Int, _ k: Int, _ b: WideBasis<T>, _ w: UnsafePointer<Vector>, rowCount: Int, into z: UnsafeMutablePointer<Vector>
    ) {
        switch (vectors, k) {
        case (1, 1): WideKernels<T, One, One>.forward(b, w, rowCount: rowCount, into: z)
        case (1, 2): WideKernels<T, One, Two>.forward(b, w, rowCount: rowCount, into: z)
        case (1, 3): WideKernels<T, One, Three>.forward(b, w, rowCount: rowCount, into: z)
        case (1, 4): WideKernels<T, One, Four>.forward(b, w, rowCount: rowCount, into: z)
        case (1, 5): WideKernels<T, One, Five>.forward(b, w, rowCount: rowCount, into: z)
        case (2, 1): WideKernels<T, Two, One>.forward(b, w, rowCount: rowCount, into: z)
        case (2, 2): WideKernels<T, Two, Two>.forward(b, w, rowCount: rowCount, into: z)
        case (2, 3): WideKernels<T, Two, Three>.forward(b, w, rowCount: rowCount, into: z)
        case (2, 4): WideKernels<T, Two, Four>.forward(b, w, rowCount: rowCount, into: z)
        case (2, 5): WideKernels<T, Two, Five>.forward(b, w, rowCount: rowCount, into: z)
        case (3, 1): WideKernels<T, Three, One>.forward(b, w, rowCount: rowCount, into: z)
        case (3, 2): WideKernels<T, Three, Two>.forward(b, w, rowCount: rowCount, into: z)
        case (3, 3): WideKernels<T, Three, Three>.forward(b, w, rowCount: rowCount, into: z)
        case (3, 4): WideKernels<T, Three, Four>.forward(b, w, rowCount: rowCount, into: z)
        case (3, 5): WideKernels<T, Three, Five>.forward(b, w, rowCount: rowCount, into: z)
        case (4, 1): WideKernels<T, Four, One>.forward(b, w, rowCount: rowCount, into: z)
        case (4, 2): WideKernels<T, Four, Two>.forward(b, w, rowCount: rowCount, into: z)
        case (4, 3): WideKernels<T, Four, Three>.forward(b, w, rowCount: rowCount, into: z)
        case (4, 4): WideKernels<T, Four, Four>.forward(b, w, rowCount: rowCount, into: z)
        default: WideKernels<T, Four, Five>.forward(b, w, rowCount: rowCount, into: z)
        }
    }

    @inline(__always)
    static func weightGradient(
        _ vectors: Int, _ k: Int, _ b: WideBasis<T>, _ dz: UnsafePointer<Vector>, rowCount: Int, into dw: UnsafeMutablePointer<Vector>
    ) {
        switch (vectors, k) {
        case (1, 1): WideKernels<T, One, One>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (1, 2): WideKernels<T, One, Two>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (1, 3): WideKernels<T, One, Three>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (1, 4): WideKernels<T, One, Four>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (1, 5): WideKernels<T, One, Five>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (2, 1): WideKernels<T, Two, One>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (2, 2): WideKernels<T, Two, Two>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (2, 3): WideKernels<T, Two, Three>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (2, 4): WideKernels<T, Two, Four>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (2, 5): WideKernels<T, Two, Five>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (3, 1): WideKernels<T, Three, One>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (3, 2): WideKernels<T, Three, Two>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (3, 3): WideKernels<T, Three, Three>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (3, 4): WideKernels<T, Three, Four>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (3, 5): WideKernels<T, Three, Five>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (4, 1): WideKernels<T, Four, One>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (4, 2): WideKernels<T, Four, Two>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (4, 3): WideKernels<T, Four, Three>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        case (4, 4): WideKernels<T, Four, Four>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        default: WideKernels<T, Four, Five>.weightGradient(b, dz, rowCount: rowCount, into: dw)
        }
    }

    @inline(__always)
    static func inputGradient(
        _ vectors: Int, _ k: Int, _ b: WideBasis<T>, _ dz: UnsafePointer<Vector>, _ w: UnsafePointer<Vector>, rowCount: Int,
        into p: UnsafeMutablePointer<Vector>
    ) {
        switch (vectors, k) {
        case (1, 1): WideKernels<T, One, One>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (1, 2): WideKernels<T, One, Two>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (1, 3): WideKernels<T, One, Three>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (1, 4): WideKernels<T, One, Four>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (1, 5): WideKernels<T, One, Five>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (2, 1): WideKernels<T, Two, One>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (2, 2): WideKernels<T, Two, Two>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (2, 3): WideKernels<T, Two, Three>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (2, 4): WideKernels<T, Two, Four>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (2, 5): WideKernels<T, Two, Five>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (3, 1): WideKernels<T, Three, One>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (3, 2): WideKernels<T, Three, Two>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (3, 3): WideKernels<T, Three, Three>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (3, 4): WideKernels<T, Three, Four>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (3, 5): WideKernels<T, Three, Five>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (4, 1): WideKernels<T, Four, One>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (4, 2): WideKernels<T, Four, Two>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (4, 3): WideKernels<T, Four, Three>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        case (4, 4): WideKernels<T, Four, Four>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        default: WideKernels<T, Four, Five>.inputGradient(b, dz, w, rowCount: rowCount, into: p)
        }
    }
}
