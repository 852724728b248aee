// StreamingLeastSquares: the coefficients that fit given values best, from more rows than one wants to store.
//
// What it must get right, in this order:
//   1. The minimum-norm solution, whatever the rank: empty cells, repeated samples, fewer rows than coefficients.
//   2. Orthogonal transformations only. Normal equations would cost less and square the condition number.
//   3. Memory and result do not depend on how the rows are cut into calls.
//
// Rows gather under the triangle of those before. When the space is full, A = Q R replaces the rows by R and the
// right-hand sides by their first rows of Qᵀ b: ‖A c - b‖² changes by a constant, so every solution is kept.
//
//     space, (columns + blockRows) × columns:    R of earlier rows      columns   (or the first rows themselves)
//                                                rows not folded in     ≤ blockRows
//
// At the end the rows that are left go to LAPACK's dgelsy: QR with column pivoting, rank by an estimate of the
// condition number, complete orthogonal factorisation (Golub and Van Loan, Matrix Computations, §5.5). Folding the
// triangle itself (dtpqrt) would save a third of the work for wide problems, and is in fewer LAPACKs.

import CLAPACK

/// Minimum-norm least squares min ‖A c - b‖ for any number of right-hand sides b, with rows that arrive in blocks.
///
///     var problem = try StreamingLeastSquares(columns: 3, rightHandSides: 1)
///     try problem.add(rows: n, matrix: a, rightHandSides: b)
///     let (c, rank) = try problem.solve(rcond: 1e-12)
struct StreamingLeastSquares {
    let columns: Int
    let rightHandSides: Int
    private let blockRows: Int

    /// Rows added so far.
    private(set) var rows = 0

    /// Rows of the space, and how many of them are in use.
    private let capacity: Int
    private var filled = 0

    /// The rows of A and of b, column by column, `capacity` rows each; b has a column of zeros if there is none.
    private let a: AlignedBuffer<Double>
    private let b: AlignedBuffer<Double>
    /// What no coefficients can change of ‖A c - b‖², of the rows folded in.
    private var folded: [Double]
    private let tau: AlignedBuffer<Double>
    private var work: AlignedBuffer<Double>

    /// - Parameters:
    ///   - columns: unknowns of one right-hand side, ≥ 1.
    ///   - rightHandSides: ≥ 0.
    ///   - blockRows: how many rows are folded in at once, ≥ 1; a matter of speed.
    /// - Throws: `KANError.invalid` for other numbers, or if the space has more numbers than LAPACK can count;
    ///   `KANError.noMemory`.
    init(columns: Int, rightHandSides: Int, blockRows: Int = 512) throws(KANError) {
        guard columns >= 1, rightHandSides >= 0, blockRows >= 1 else {
            throw KANError.invalid(
                "least squares need columns ≥ 1, rightHandSides ≥ 0 and blockRows ≥ 1, not "
                    + "\(columns), \(rightHandSides) and \(blockRows)")
        }
        // LAPACK's integers have 32 bits, and its own sums of sizes need room.
        let most = Int(Int32.max) / 4
        guard columns < most, blockRows < most, rightHandSides < most,
            (columns + blockRows) <= most / max(columns, rightHandSides, 1)
        else {
            throw KANError.invalid(
                "least squares with \(columns) columns, \(rightHandSides) right-hand sides and blocks of \(blockRows) "
                    + "rows are more than LAPACK's 32-bit integers can count")
        }
        self.columns = columns
        self.rightHandSides = rightHandSides
        self.blockRows = blockRows
        capacity = columns + blockRows
        a = try AlignedBuffer(count: capacity * columns)
        b = try AlignedBuffer(count: capacity * max(rightHandSides, 1))
        folded = Array(repeating: 0, count: rightHandSides)
        tau = try AlignedBuffer(count: columns)
        work = try AlignedBuffer(count: 1)
        work = try AlignedBuffer(count: try queryWork())
    }

    /// Adds rows to the problem.
    ///
    /// - Parameters:
    ///   - rows: how many, ≥ 0.
    ///   - matrix: rows × columns numbers, row by row.
    ///   - rightHandSides: rows × rightHandSides numbers, row by row; not read if there is no right-hand side.
    mutating func add(
        rows: Int, matrix: UnsafePointer<Double>, rightHandSides: UnsafePointer<Double>
    ) throws(KANError) {
        var next = 0
        while next < rows {
            if filled == capacity { try fold() }
            let count = min(rows - next, capacity - filled)
            copy(matrix + next * columns, count, columns, into: a.base)
            copy(rightHandSides + next * self.rightHandSides, count, self.rightHandSides, into: b.base)
            filled += count
            next += count
        }
        self.rows += max(rows, 0)
    }

    /// The coefficients of least norm among those that make ‖A c - b‖ least. More rows may be added afterwards.
    ///
    /// - Parameter rcond: columns count as dependent beyond a condition number of 1/`rcond`.
    /// - Returns: `solution`, columns × rightHandSides numbers row by row, and the `rank` that A was taken to have.
    ///   No rows, or all zero, give zeros and rank 0.
    mutating func solve(rcond: Double) throws(KANError) -> (solution: [Double], rank: Int) {
        var solution = [Double](repeating: 0, count: columns * rightHandSides)
        if filled > columns { try fold() }
        if filled == 0 { return (solution, 0) }

        // dgelsy overwrites both; x comes back in the place of the right-hand sides, `columns` rows of it.
        let matrix = try AlignedBuffer<Double>(count: filled * columns)
        for j in 0..<columns {
            for i in 0..<filled { matrix.base[j * filled + i] = a.base[j * capacity + i] }
        }
        let sides = max(rightHandSides, 1)
        let x = try AlignedBuffer<Double>(count: columns * sides)
        for j in 0..<sides {
            for i in 0..<filled { x.base[j * columns + i] = b.base[j * capacity + i] }
        }
        var pivots = [Int32](repeating: 0, count: columns)
        var m = Int32(filled), n = Int32(columns), nrhs = Int32(sides)
        var rank: Int32 = 0, info: Int32 = 0, best = 0.0, rcond = rcond
        var lda = m, ldb = n, size: Int32 = -1
        dgelsy_(&m, &n, &nrhs, matrix.base, &lda, x.base, &ldb, &pivots, &rcond, &rank, &best, &size, &info)
        try check(info, "dgelsy")
        size = Int32(best)
        if work.count < Int(size) { work = try AlignedBuffer(count: Int(size)) }
        dgelsy_(&m, &n, &nrhs, matrix.base, &lda, x.base, &ldb, &pivots, &rcond, &rank, work.base, &size, &info)
        try check(info, "dgelsy")

        for j in 0..<rightHandSides {
            for i in 0..<columns { solution[i * rightHandSides + j] = x.base[j * columns + i] }
        }
        return (solution, Int(rank))
    }

    /// `solve`, but right-hand sides with coefficients beyond a bound get those of a smaller condition number that are within it, if these are next to as
    /// good: the error may become 1.1 times as large, or the more, the farther beyond the bound it would be to avoid that.
    ///
    /// Directions that A hardly determines cost coefficients of any size and gain next to nothing.
    ///
    /// - Parameters:
    ///   - loss: the part of ‖b‖² that ‖A c - b‖² may grow by anyway.
    ///   - size: of a column, a right-hand side and the coefficient: how many times the bound it is.
    mutating func boundedSolution(rcond: Double, loss: Double, size: (Int, Int, Double) -> Double) throws(KANError) -> [Double] {
        var solution = try solve(rcond: rcond).solution
        func largest(_ solution: [Double], _ j: Int) -> Double {
            (0..<columns).reduce(0) { max($0, size($1, j, solution[$1 * rightHandSides + j])) }
        }
        let sizes = (0..<rightHandSides).map { largest(solution, $0) }
        var waiting = sizes.indices.filter { sizes[$0] > 1 }
        if waiting.isEmpty { return solution }
        let (least, whole) = (squaredErrors(solution), squaredErrors([Double](repeating: 0, count: solution.count)))
        var rcond = 100 * rcond
        while !waiting.isEmpty && rcond < 0.1 {
            let other = try solve(rcond: rcond).solution
            let errors = squaredErrors(other)
            waiting.removeAll { j in
                guard largest(other, j) <= 1 else { return false }
                let size = sizes[j] * sizes[j]
                if errors[j] <= max(1.2, size / 625) * least[j] + max(loss, min(0.01, 1e-14 * size)) * whole[j] {
                    for i in 0..<columns { solution[i * rightHandSides + j] = other[i * rightHandSides + j] }
                }
                return true
            }
            rcond *= 100
        }
        return solution
    }

    /// ‖A c - b‖² of every right-hand side, for coefficients as `solve` gives them.
    private func squaredErrors(_ solution: [Double]) -> [Double] {
        (0..<rightHandSides).map { j in
            (0..<filled).reduce(folded[j]) { sum, i in
                var rest = -b.base[j * capacity + i]
                for c in 0..<columns { rest += a.base[c * capacity + i] * solution[c * rightHandSides + j] }
                return sum + rest * rest
            }
        }
    }

    // MARK: - Folding

    /// Turns `count` rows of `width` numbers into the next rows of a space held column by column.
    private func copy(_ source: UnsafePointer<Double>, _ count: Int, _ width: Int, into space: UnsafeMutablePointer<Double>) {
        for j in 0..<width {
            let column = space + j * capacity + filled
            for i in 0..<count { column[i] = source[i * width + j] }
        }
    }

    /// Replaces the `filled` > `columns` rows by their triangle.
    private mutating func fold() throws(KANError) {
        var m = Int32(filled), n = Int32(columns), ld = Int32(capacity), size = Int32(work.count), info: Int32 = 0
        dgeqrf_(&m, &n, a.base, &ld, tau.base, work.base, &size, &info)
        try check(info, "dgeqrf")
        if rightHandSides > 0 {
            var nrhs = Int32(rightHandSides)
            dormqr_("L", "T", &m, &nrhs, &n, a.base, &ld, tau.base, b.base, &ld, work.base, &size, &info, 1, 1)
            try check(info, "dormqr")
        }
        for j in 0..<rightHandSides {
            for i in columns..<filled { folded[j] += b.base[j * capacity + i] * b.base[j * capacity + i] }
        }
        // What is below the diagonal belongs to Q.
        for j in 0..<columns {
            for i in stride(from: j + 1, to: columns, by: 1) { a.base[j * capacity + i] = 0 }
        }
        filled = columns
    }

    /// The size of the work space with which LAPACK folds fastest.
    private mutating func queryWork() throws(KANError) -> Int {
        var m = Int32(capacity), n = Int32(columns), nrhs = Int32(max(rightHandSides, 1)), ld = m
        var size: Int32 = -1, info: Int32 = 0, factor = 0.0, apply = 0.0
        dgeqrf_(&m, &n, a.base, &ld, tau.base, &factor, &size, &info)
        try check(info, "dgeqrf")
        dormqr_("L", "T", &m, &nrhs, &n, a.base, &ld, tau.base, b.base, &ld, &apply, &size, &info, 1, 1)
        try check(info, "dormqr")
        return Int(max(factor, apply, 1))
    }

    private func check(_ info: Int32, _ routine: String) throws(KANError) {
        if info != 0 { throw KANError.internal("LAPACK's \(routine) refused argument \(-info)") }
    }
}
