// StreamingLeastSquares against solutions found in other ways: normal equations, full-rank factors, symmetry.

import CLAPACK
import Testing
@testable import SwiftKAN

/// A dense matrix, row by row.
private struct Matrix {
    var rows: Int, columns: Int
    var numbers: [Double]

    init(_ rows: Int, _ columns: Int, _ number: (Int, Int) -> Double) {
        (self.rows, self.columns) = (rows, columns)
        numbers = (0..<rows * columns).map { number($0 / columns, $0 % columns) }
    }
    /// Uniform numbers in [-1, 1).
    init(_ rows: Int, _ columns: Int, seed: UInt32) {
        var generator = MersenneTwister(seed: seed)
        self.init(rows, columns) { _, _ in 2 * generator.uniformDouble() - 1 }
    }
    subscript(i: Int, j: Int) -> Double {
        get { numbers[i * columns + j] }
        set { numbers[i * columns + j] = newValue }
    }
    var transposed: Matrix { Matrix(columns, rows) { self[$1, $0] } }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        Matrix(a.rows, b.columns) { i, j in (0..<a.columns).reduce(0) { $0 + a[i, $1] * b[$1, j] } }
    }
    /// self⁻¹ b by Gauss-Jordan elimination with row pivoting.
    func solve(_ b: Matrix) -> Matrix {
        var a = self, x = b
        for k in 0..<rows {
            let pivot = (k..<rows).max { abs(a[$0, k]) < abs(a[$1, k]) }!
            for j in 0..<columns { (a[k, j], a[pivot, j]) = (a[pivot, j], a[k, j]) }
            for j in 0..<x.columns { (x[k, j], x[pivot, j]) = (x[pivot, j], x[k, j]) }
            for i in 0..<rows where i != k {
                let factor = a[i, k] / a[k, k]
                for j in 0..<columns { a[i, j] -= factor * a[k, j] }
                for j in 0..<x.columns { x[i, j] -= factor * x[k, j] }
            }
        }
        return Matrix(rows, x.columns) { x[$0, $1] / a[$0, $0] }
    }
    func distance(_ other: [Double]) -> Double { zip(numbers, other).reduce(0) { max($0, abs($1.0 - $1.1)) } }
}

private func solve(
    _ a: Matrix, _ b: Matrix, blockRows: Int = 512, chunk: Int = .max, rcond: Double = 1e-12
) throws -> (solution: [Double], rank: Int) {
    var problem = try StreamingLeastSquares(columns: a.columns, rightHandSides: b.columns, blockRows: blockRows)
    var row = 0
    while row < a.rows {
        let count = min(chunk, a.rows - row)
        try a.numbers.withUnsafeBufferPointer { a in
            try b.numbers.withUnsafeBufferPointer { b in
                try problem.add(
                    rows: count, matrix: a.baseAddress! + row * problem.columns,
                    rightHandSides: b.baseAddress! + row * problem.rightHandSides)
            }
        }
        row += count
    }
    #expect(problem.rows == a.rows)
    return try problem.solve(rcond: rcond)
}

@Suite struct LeastSquaresTests {
    @Test(arguments: [(1, 1, 1), (5, 5, 2), (60, 6, 1), (700, 8, 3), (2000, 23, 7), (513, 1, 4)])
    func fullRankAgreesWithNormalEquations(rows: Int, columns: Int, sides: Int) throws {
        // The heavy diagonal keeps the condition number small, so that squaring it costs no digits here.
        var a = Matrix(rows, columns, seed: 1)
        for j in 0..<columns { a[j, j] += 8 }
        let b = Matrix(rows, sides, seed: 2)
        let expected = (a.transposed * a).solve(a.transposed * b)
        let (solution, rank) = try solve(a, b)
        #expect(rank == columns)
        #expect(expected.distance(solution) < 1e-12, "\(expected.distance(solution))")
    }

    /// A = M F with M of full column rank and F of full row rank has the pseudo-inverse
    /// A⁺ = Fᵀ (F Fᵀ)⁻¹ (Mᵀ M)⁻¹ Mᵀ.
    @Test(arguments: [1, 2, 5, 11], [4, 40, 1500])
    func rankDeficientIsOfMinimumNorm(rank: Int, rows: Int) throws {
        guard rank <= rows else { return }
        let m = Matrix(rows, rank, seed: 3), f = Matrix(rank, 12, seed: 4), b = Matrix(rows, 2, seed: 5)
        let projected = (m.transposed * m).solve(m.transposed * b)
        let expected = f.transposed * (f * f.transposed).solve(projected)
        let (solution, found) = try solve(m * f, b, blockRows: 64, rcond: 1e-11)
        #expect(found == rank)
        #expect(expected.distance(solution) < 1e-9, "\(expected.distance(solution))")
    }

    @Test func copiesOfAColumnShareEqually() throws {
        let once = Matrix(300, 3, seed: 6)
        let a = Matrix(300, 7) { i, j in once[i, [0, 1, 0, 2, 0, 1, 0][j]] }
        let b = Matrix(300, 1, seed: 7)
        let single = try solve(once, b).solution
        let (shared, rank) = try solve(a, b, blockRows: 50)
        #expect(rank == 3)
        for (j, original) in [0, 1, 0, 2, 0, 1, 0].enumerated() {
            #expect(abs(shared[j] - single[original] / [4, 2, 1][original]) < 1e-13)
        }
    }

    @Test func fewerRowsThanColumns() throws {
        let a = Matrix(3, 10, seed: 8), b = Matrix(3, 2, seed: 9)
        let expected = a.transposed * (a * a.transposed).solve(b)
        let (solution, rank) = try solve(a, b)
        #expect(rank == 3 && expected.distance(solution) < 1e-13)
        #expect(b.distance((a * Matrix(10, 2) { solution[$0 * 2 + $1] }).numbers) < 1e-13)
    }

    @Test func repeatedRowsAndUnusedColumns() throws {
        // One sample 900 times, and a coefficient that no sample touches: a constant feature on a spline's grid.
        let a = Matrix(900, 4) { _, j in [0.25, 0.5, 0.25, 0][j] }
        let b = Matrix(900, 1) { i, _ in i % 2 == 0 ? 3 : 5 }
        let (solution, rank) = try solve(a, b)
        // The mean, 4, along the row: 4 · row / ‖row‖².
        #expect(rank == 1)
        for (found, expected) in zip(solution, [0.25, 0.5, 0.25, 0].map { 4 * $0 / 0.375 }) {
            #expect(abs(found - expected) < 1e-13)
        }
        #expect(solution[3] == 0)
    }

    @Test func nothingToFit() throws {
        let zeros = try solve(Matrix(700, 5) { _, _ in 0 }, Matrix(700, 2, seed: 1), blockRows: 100)
        #expect(zeros.rank == 0 && zeros.solution == [Double](repeating: 0, count: 10))
        let empty = try solve(Matrix(0, 5, seed: 1), Matrix(0, 2, seed: 1))
        #expect(empty.rank == 0 && empty.solution == [Double](repeating: 0, count: 10))
        let noSides = try solve(Matrix(700, 5, seed: 1), Matrix(700, 0, seed: 1), blockRows: 100)
        #expect(noSides.rank == 5 && noSides.solution == [])
        let fewRows = try solve(Matrix(2, 5, seed: 1), Matrix(2, 0, seed: 1))
        #expect(fewRows.rank == 2 && fewRows.solution == [])
    }

    @Test func cuttingIntoCallsChangesNoBit() throws {
        let a = Matrix(1000, 9, seed: 10), b = Matrix(1000, 3, seed: 11)
        let whole = try solve(a, b, blockRows: 32)
        for chunk in [1, 7, 32, 41, 999] {
            let cut = try solve(a, b, blockRows: 32, chunk: chunk)
            #expect(cut.solution == whole.solution && cut.rank == whole.rank, "chunks of \(chunk)")
        }
    }

    @Test func blockSizeChangesRoundingOnly() throws {
        let a = Matrix(1000, 9, seed: 10), b = Matrix(1000, 3, seed: 11)
        let whole = try solve(a, b, blockRows: 2000).solution
        for blockRows in [1, 2, 31, 512, 991, 1000] {
            let other = try solve(a, b, blockRows: blockRows).solution
            #expect(zip(whole, other).allSatisfy { abs($0 - $1) < 1e-13 }, "blocks of \(blockRows)")
        }
    }

    @Test func solvingInBetweenKeepsTheProblem() throws {
        let a = Matrix(500, 6, seed: 12), b = Matrix(500, 2, seed: 13)
        var problem = try StreamingLeastSquares(columns: 6, rightHandSides: 2, blockRows: 64)
        try problem.add(rows: 100, matrix: a.numbers, rightHandSides: b.numbers)
        let first = try problem.solve(rcond: 1e-12).solution
        #expect(Matrix(6, 2) { first[$0 * 2 + $1] }.distance(try problem.solve(rcond: 1e-12).solution) < 1e-14)
        try problem.add(rows: 400, matrix: Array(a.numbers[600...]), rightHandSides: Array(b.numbers[200...]))
        let all = try problem.solve(rcond: 1e-12).solution
        #expect(zip(all, try solve(a, b).solution).allSatisfy { abs($0 - $1) < 1e-13 })
        #expect(problem.rows == 500)
    }

    /// Singular values 1 and 10⁻⁶: `rcond` decides how many of them count.
    @Test func rcondDecidesTheRank() throws {
        let a = Matrix(2, 2) { i, j in i != j ? 0 : [1, 1e-6][i] }, b = Matrix(2, 1) { _, _ in 1 }
        let fine = try solve(a, b, rcond: 1e-9), coarse = try solve(a, b, rcond: 1e-3)
        #expect(fine.rank == 2 && abs(fine.solution[1] - 1e6) < 1e-6)
        #expect(coarse.rank == 1 && coarse.solution == [1, 0])
    }

    /// A direction of singular value 10⁻⁹: its coefficient is 10⁹ times what it gains. The other right-hand sides need none, or a large one of sense.
    @Test(arguments: [2, 512]) func boundedSolution(blockRows: Int) throws {
        let a = Matrix(6, 2) { i, j in i % 2 != j ? 0 : [1, 1e-9][j] }
        let b = Matrix(6, 3) { i, j in i % 2 == 0 ? 1 : [i == 1 ? 0.01 : 0, 0, 0][j] }
        func problem(_ a: Matrix) throws -> StreamingLeastSquares {
            var problem = try StreamingLeastSquares(columns: 2, rightHandSides: 3, blockRows: blockRows)
            try problem.add(rows: 6, matrix: a.numbers, rightHandSides: b.numbers)
            return problem
        }
        var wild = try problem(a)
        #expect(abs(try wild.solve(rcond: 1e-12).solution[3] - 1e7 / 3) < 1)
        let bounded = try wild.boundedSolution(rcond: 1e-12, loss: 1e-16) { _, _, value in abs(value) / 10 }
        #expect(zip(bounded, [1, 1, 1, 0, 0, 0]).allSatisfy { abs($0 - $1) < 1e-9 })
        // Well determined, and beyond the bound: kept.
        var sound = try problem(Matrix(6, 2) { i, j in i % 2 != j ? 0 : [0.05, 1][j] })
        let kept = try sound.boundedSolution(rcond: 1e-12, loss: 1e-16) { _, _, value in abs(value) / 10 }
        #expect(zip(kept, try sound.solve(rcond: 1e-12).solution).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(abs(kept[0] - 20) < 1e-9)
    }

    @Test func refusedSizes() {
        for (columns, sides, block) in [(0, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, 0), (1, 1, .max)] {
            #expect(throws: KANError.self) {
                try StreamingLeastSquares(columns: columns, rightHandSides: sides, blockRows: block)
            }
        }
        for (columns, sides) in [(Int.max, 1), (1, Int.max), (1 << 20, 1), (1 << 30, 1 << 30)] {
            #expect(throws: KANError.self) {
                try StreamingLeastSquares(columns: columns, rightHandSides: sides)
            }
        }
    }
}

// MARK: - The Fortran shim

@_silgen_name("_gfortran_concat_string")
private func concat(
    _ length: Int, _ dest: UnsafeMutablePointer<UInt8>, _ lengthA: Int, _ a: UnsafePointer<UInt8>, _ lengthB: Int,
    _ b: UnsafePointer<UInt8>)

@Suite struct FortranShimTests {
    /// Without the library's own error hook this ends the process.
    @Test func lapackReturnsFromABadArgument() {
        var m: Int32 = -1, n: Int32 = 1, ld: Int32 = 1, size: Int32 = 1, info: Int32 = 0
        var a = 0.0, tau = 0.0, work = 0.0
        dgeqrf_(&m, &n, &a, &ld, &tau, &work, &size, &info)
        #expect(info == -1)
    }

    @Test(arguments: [(5, "ab", "cd", "abcd "), (4, "ab", "cd", "abcd"), (3, "ab", "cd", "abc"), (1, "ab", "cd", "a"),
                      (3, "", "", "   "), (2, "", "xyz", "xy")])
    func concatenationIsFilledWithBlanks(length: Int, a: String, b: String, expected: String) {
        var dest = [UInt8](repeating: 33, count: length + 1)
        concat(length, &dest, a.utf8.count, Array(a.utf8), b.utf8.count, Array(b.utf8))
        #expect(dest == Array(expected.utf8) + [33])
    }
}
