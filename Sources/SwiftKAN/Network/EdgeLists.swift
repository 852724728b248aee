// EdgeLists: which edges of a layer are switched on, and the numbers that these have among themselves.
//
// What it must get right: lists are made input by input, from the first one on, since an edge's number counts all before it; and who asks
// for an edge that is not there is told so.

/// The outputs that each input has an edge to, in rising order, and the numbers of these edges: in the order of inputs and outputs.
///
/// Plain memory, which whoever makes the lists frees: arrays would be counted at every use, by all threads at once.
struct EdgeLists {
    /// (inputs + 1): the number of an input's first edge
    private let starts: UnsafeMutablePointer<Int>
    private let lists: UnsafeMutablePointer<Int>
    private let inputs: Int
    private let bytes: Int

    init(_ shape: LayerShape) throws(KANError) {
        inputs = shape.inputs
        let count = shape.inputs + 1 + shape.edges
        bytes = count * MemoryLayout<Int>.stride
        guard let raw = allocateAligned(bytes) else { throw .noMemory(bytes) }
        starts = raw.bindMemory(to: Int.self, capacity: count)
        starts.initialize(repeating: 0, count: count)
        lists = starts + shape.inputs + 1
    }

    func free() { freeAligned(starts, bytes) }

    /// Edges of all inputs.
    var count: Int { starts[inputs] }

    @inline(__always)
    func start(_ i: Int) -> Int { starts[i] }

    /// Where the outputs that input i has an edge to begin.
    @inline(__always)
    func outputs(_ i: Int) -> UnsafePointer<Int> { UnsafePointer(lists + starts[i]) }

    @inline(__always)
    subscript(i: Int) -> UnsafeBufferPointer<Int> {
        UnsafeBufferPointer(start: outputs(i), count: starts[i &+ 1] &- starts[i])
    }

    /// The number of an edge, or nil where there is none.
    func number(_ i: Int, _ o: Int) -> Int? {
        let list = self[i]
        var (low, high) = (0, list.count)
        while low < high {
            let middle = (low + high) / 2
            if list[middle] < o { low = middle + 1 } else { high = middle }
        }
        return low < list.count && list[low] == o ? start(i) + low : nil
    }

    /// Lists the outputs that have an edge to input i, after those of the inputs before it.
    @inline(__always)
    func list(_ i: Int, outputs: Int, isOn: (Int) -> Bool) {
        var next = starts[i]
        for o in 0..<outputs where isOn(o) {
            lists[next] = o
            next &+= 1
        }
        starts[i &+ 1] = next
    }
}
