// The threshold of a step function that leaves the smallest error.
//
// What it must get right: the best threshold of all there are between two samples, without sorting the samples: they are
// counted in 512 bins, then those of the best bin and its neighbours in 512 finer ones, until a bin holds one x only.

extension SymbolicFit {
    /// b of sgn(x + b); 0 if that is as good, and if the fit is cancelled.
    static func bestThreshold(_ samples: FitSamples, _ checkpoint: Checkpoint?) -> Double {
        let bins = 512
        var (low, high) = (samples.low, samples.high)
        var threshold = samples.middle
        // Samples and Σ(y - ȳ) left of `low`.
        var (before, sumBefore) = (0.0, 0.0)
        let n = Double(samples.count)
        for _ in 0..<12 {
            // The whole range may be beyond the largest number, a quarter of it is not.
            let part = (high - low).isFinite ? 1 : 0.25
            let width = (high * part - low * part) / Double(bins)
            guard width > 0 else { break }
            var counts = [Double](repeating: 0, count: bins), sums = counts
            var first = [Double](repeating: .infinity, count: bins), last = [Double](repeating: -.infinity, count: bins)
            for s in 0..<samples.count {
                if s % FitSums.chunk == 0, checkpoint?.isCancelled() == true { return 0 }
                let x = samples.x[s]
                if x < low || x > high { continue }
                let k = min(bins - 1, Int((x * part - low * part) / width))
                counts[k] += 1
                sums[k] += (samples.y[s] - samples.meanY) / samples.scaleY
                first[k] = min(first[k], x)
                last[k] = max(last[k], x)
            }
            // A cut between two bins leaves Σz² - S²/m - S²/(n - m), S and m being the sum and number on its left.
            let filled = (0..<bins).filter { counts[$0] > 0 }
            var best = (gain: -1.0, place: -1)
            var (m, sum) = (before, sumBefore)
            for place in filled.indices.dropLast() {
                m += counts[filled[place]]
                sum += sums[filled[place]]
                let gain = sum * sum * (1 / m + 1 / max(n - m, 1))
                if gain > best.gain { best = (gain, place) }
            }
            guard best.place >= 0 else { break }
            let (k, next) = (filled[best.place], filled[best.place + 1])
            threshold = last[k] < 0 && first[next] > 0 ? 0 : last[k] + (first[next] - last[k]) / 2  // of one sign: finite
            if first[k] == last[k] && first[next] == last[next] { break }
            for place in 0..<best.place {
                before += counts[filled[place]]
                sumBefore += sums[filled[place]]
            }
            (low, high) = (first[k], last[next])
        }
        return threshold == 0 ? 0 : -threshold
    }
}
