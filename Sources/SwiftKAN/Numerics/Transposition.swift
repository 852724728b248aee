// Transposition: eight numbers each of as many rows as a vector has lanes, into eight vectors with a lane for each row, and back.
//
// What it must get right: two instructions a vector and step. Parting the numbers of a sequence into those at even places and those
// at odd ones moves the lowest bit of a number's place to the top; three times that turns (rows, 8) into (8, rows). Each time is a
// function of its own, since the compiler would make of all three together many shuffles of single numbers.
//
// Written for the concrete types, as VectorOperations.swift is, and for the same reason.

extension Double {
    /// columns (8 vectors) = the numbers 0 … 7 of the 8 rows at p, p + stride, …
    @inline(__always)
    public static func columns(
        of p: UnsafePointer<Double>, stride: Int, into columns: UnsafeMutablePointer<SIMD8<Double>>
    ) {
        for n in 0..<8 { columns[n] = UnsafeRawPointer(p + n &* stride).loadUnaligned(as: SIMD8<Double>.self) }
        for _ in 0..<3 { unshuffle(columns) }
    }

    /// The inverse of `columns`, which it uses up; rows are written in their order.
    @inline(__always)
    public static func rows(of columns: UnsafeMutablePointer<SIMD8<Double>>, into p: UnsafeMutablePointer<Double>, stride: Int) {
        for _ in 0..<3 { shuffle(columns) }
        for n in 0..<8 { UnsafeMutableRawPointer(p + n &* stride).storeBytes(of: columns[n], as: SIMD8<Double>.self) }
    }

    @inline(never)
    private static func unshuffle(_ v: UnsafeMutablePointer<SIMD8<Double>>) {
        func parted(_ n: Int) -> (SIMD8<Double>, SIMD8<Double>) {
            let (a, b) = (v[n], v[n &+ 1])
            return (SIMD8(lowHalf: a.evenHalf, highHalf: b.evenHalf), SIMD8(lowHalf: a.oddHalf, highHalf: b.oddHalf))
        }
        let (a, b, c, d) = (parted(0), parted(2), parted(4), parted(6))
        (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]) = (a.0, b.0, c.0, d.0, a.1, b.1, c.1, d.1)
    }

    @inline(never)
    private static func shuffle(_ v: UnsafeMutablePointer<SIMD8<Double>>) {
        func inTurn(_ n: Int) -> (SIMD8<Double>, SIMD8<Double>) {
            let (a, b) = (v[n], v[n &+ 4])
            var (low, high) = (a, b)
            (low.evenHalf, low.oddHalf) = (a.lowHalf, b.lowHalf)
            (high.evenHalf, high.oddHalf) = (a.highHalf, b.highHalf)
            return (low, high)
        }
        let (a, b, c, d) = (inTurn(0), inTurn(1), inTurn(2), inTurn(3))
        (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]) = (a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1)
    }
}

extension Float {
    /// columns (8 vectors) = the numbers 0 … 7 of the 16 rows at p, p + stride, …
    @inline(__always)
    public static func columns(
        of p: UnsafePointer<Float>, stride: Int, into columns: UnsafeMutablePointer<SIMD16<Float>>
    ) {
        for n in 0..<8 {
            let two = UnsafeRawPointer(p + 2 &* n &* stride)
            columns[n] = SIMD16(
                lowHalf: two.loadUnaligned(as: SIMD8<Float>.self),
                highHalf: (two + 4 &* stride).loadUnaligned(as: SIMD8<Float>.self))
        }
        for _ in 0..<3 { unshuffle(columns) }
    }

    @inline(__always)
    public static func rows(of columns: UnsafeMutablePointer<SIMD16<Float>>, into p: UnsafeMutablePointer<Float>, stride: Int) {
        for _ in 0..<3 { shuffle(columns) }
        for n in 0..<8 {
            let two = UnsafeMutableRawPointer(p + 2 &* n &* stride)
            two.storeBytes(of: columns[n].lowHalf, as: SIMD8<Float>.self)
            (two + 4 &* stride).storeBytes(of: columns[n].highHalf, as: SIMD8<Float>.self)
        }
    }

    @inline(never)
    private static func unshuffle(_ v: UnsafeMutablePointer<SIMD16<Float>>) {
        func parted(_ n: Int) -> (SIMD16<Float>, SIMD16<Float>) {
            let (a, b) = (v[n], v[n &+ 1])
            return (SIMD16(lowHalf: a.evenHalf, highHalf: b.evenHalf), SIMD16(lowHalf: a.oddHalf, highHalf: b.oddHalf))
        }
        let (a, b, c, d) = (parted(0), parted(2), parted(4), parted(6))
        (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]) = (a.0, b.0, c.0, d.0, a.1, b.1, c.1, d.1)
    }

    @inline(never)
    private static func shuffle(_ v: UnsafeMutablePointer<SIMD16<Float>>) {
        func inTurn(_ n: Int) -> (SIMD16<Float>, SIMD16<Float>) {
            let (a, b) = (v[n], v[n &+ 4])
            var (low, high) = (a, b)
            (low.evenHalf, low.oddHalf) = (a.lowHalf, b.lowHalf)
            (high.evenHalf, high.oddHalf) = (a.highHalf, b.highHalf)
            return (low, high)
        }
        let (a, b, c, d) = (inTurn(0), inTurn(1), inTurn(2), inTurn(3))
        (v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]) = (a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1)
    }
}
