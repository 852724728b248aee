// Settings: every setting that describes no network is refused with a sentence that names it.

import Testing
@testable import SwiftKAN

private typealias Change = @Sendable (inout Settings) -> Void

/// What is changed in a good [2, [1, 1], 1] network, and what the message must contain.
private let refusals: [(what: String, change: Change)] = [
    ("width has 1 entries", { $0 = Settings(width: [2]) }),
    ("width has 0 entries", { $0 = Settings(width: []) }),
    ("multiplication counts", { $0.multiplications = [0, 1] }),
    ("width[1] is [0, 0]", { $0.sums[1] = 0; $0.multiplications[1] = 0; $0.arities = [] }),
    ("width[0] is [-1, 0]", { $0.sums[0] = -1 }),
    ("width[1] is [1, -2]", { $0.multiplications[1] = -2 }),
    ("width[2] is [\(Int.max), 0]", { $0.sums[2] = .max }),
    ("inputs have none", { $0.multiplications[0] = 1; $0.arities = [2, 2] }),
    ("mult_arity has 0 entries for 1", { $0.arities = [] }),
    ("mult_arity has 2 entries for 1", { $0.arities = [2, 2] }),
    ("mult_arity contains 0", { $0.arities = [0] }),
    ("mult_arity contains \(Int.max)", { $0.arities = [.max] }),
    ("grid has 1 and k has 2", { $0.grid = [3] }),
    ("grid has 2 and k has 3", { $0.k = [3, 3, 3] }),
    ("grid[1] is 0", { $0.grid[1] = 0 }),
    ("grid[0] is -3", { $0.grid[0] = -3 }),
    ("grid[0] is \(Int.max)", { $0.grid[0] = .max }),
    ("k[0] is -1", { $0.k[0] = -1 }),
    ("k[1] is 21", { $0.k[1] = 21 }),
    ("noise_scale is nan", { $0.noiseScale = .nan }),
    ("scale_base_mu is inf", { $0.scaleBaseMu = .infinity }),
    ("scale_base_sigma is -inf", { $0.scaleBaseSigma = -.infinity }),
    ("grid_eps is -0.1", { $0.gridEps = -0.1 }),
    ("grid_eps is 1.5", { $0.gridEps = 1.5 }),
    ("grid_eps is nan", { $0.gridEps = .nan }),
    ("grid_range is [1.0, 1.0]", { $0.gridRange = (1, 1) }),
    ("grid_range is [2.0, 1.0]", { $0.gridRange = (2, 1) }),
    ("grid_range is [nan, 1.0]", { $0.gridRange = (.nan, 1) }),
    ("grid_range", { $0.gridRange = (-.greatestFiniteMagnitude, .greatestFiniteMagnitude) }),
    ("more than can be addressed", { $0.sums[0] = 1 << 24; $0.sums[1] = 1 << 24 }),
    // More edges than an Int holds.
    (
        "more than can be addressed",
        { s in
            (s.sums[0], s.multiplications[1]) = (1 << 24, 1 << 20)
            s.arities = Array(repeating: 1 << 24, count: 1 << 20)
        }
    ),
]

@Suite struct SettingsTests {
    private var good: Settings {
        Settings(sums: [2, 1, 1], multiplications: [0, 1, 0], arities: [2], grid: [3, 3], k: [3, 3])
    }

    @Test func theUnchangedSettingsAreGood() throws {
        #expect(try Architecture(good).parameterCount > 0)
    }

    @Test(arguments: refusals.indices)
    func refused(_ number: Int) {
        var settings = good
        refusals[number].change(&settings)
        do throws(KANError) {
            _ = try KAN<Double>(settings)
            Issue.record("accepted: \(refusals[number].what)")
        } catch {
            guard case .invalid(let message) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(message.contains(refusals[number].what), "\(message)")
        }
    }

    @Test func limitsThemselvesAreAllowed() throws {
        for (k, grid) in [(0, 1), (20, 1), (3, 1), (0, 40)] {
            let network = try KAN<Double>(Settings(width: [1, 1], grid: grid, k: k))
            #expect(try network.predictions([0.1, 0.9, 5, -5]).allSatisfy { $0.isFinite })
        }
        var ends = good
        ends.gridEps = 0
        #expect(try KAN<Float>(ends).gridEps == 0)
        ends.gridEps = 1
        ends.arities = [1]
        #expect(try KAN<Float>(ends).layers[0].outputs == 2)
    }

    @Test func defaultsArePykans() {
        let s = Settings(width: [2, 5, 1])
        #expect(s.grid == [3, 3] && s.k == [3, 3] && s.multiplications == [0, 0, 0] && s.arities.isEmpty)
        #expect(s.baseFunction == .silu && s.noiseScale == 0.3 && s.scaleBaseMu == 0 && s.scaleBaseSigma == 1)
        #expect(s.gridEps == 0.02 && s.gridRange == (-1, 1) && !s.affineTrainable && s.scaleSpTrainable && s.scaleBaseTrainable)
        #expect(!s.sparseInit && s.symbolicEnabled && s.seed == 1)
    }
}
