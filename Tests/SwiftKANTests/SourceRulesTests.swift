// The rules that keep the sources in layers, read from the sources themselves.
//
//   Training, Interpretation → Network → Basis, Grid → Numerics → Platform
//
// A directory may use the types of its own layer and of those below. What extends a type of another layer counts with the file it is in.

import Foundation
import Testing

private struct SourceFile {
    let path: String
    let text: String
    /// Without comments and strings.
    let code: String

    init(_ url: URL, root: URL) throws {
        path = String(url.path.dropFirst(root.path.count + 1))
        text = try String(contentsOf: url, encoding: .utf8)
        var code = text.replacing(/"(?:[^"\\\n]|\\.)*"/, with: "\"\"")
        code = code.replacing(/\/\/[^\n]*/, with: "")
        self.code = code
    }

    var imports: Set<String> { Set(code.matches(of: /(?m)^\s*(?:@\w+\s+)*import\s+(\w+)/).map { String($0.1) }) }
    /// Types declared at the file's top level.
    var declared: Set<String> {
        Set(
            code.matches(of: /(?m)^(?:public |final |private |fileprivate |package )*(?:struct|class|enum|protocol|actor) (\w+)/)
                .filter { !$0.0.contains("private") }.map { String($0.1) })
    }
    var words: Set<String> { Set(code.matches(of: /\b[A-Z]\w*/).map { String($0.0) }) }
}

private let sources: [SourceFile] = {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let root = tests.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources").standardizedFileURL
    let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
    return all.filter { $0.pathExtension == "swift" }.compactMap { try? SourceFile($0.standardizedFileURL, root: root) }
}()

private func directory(_ name: String) -> [SourceFile] { sources.filter { $0.path.hasPrefix("\(name)/") } }

@Suite struct SourceRulesTests {
    /// From the bottom; Basis and Grid stand side by side, and what Grid adds to a network is the network's.
    private static let layers = [["Platform"], ["Numerics"], ["Basis", "Grid"], ["Network"], ["Training", "Interpretation"]]

    /// Uses upwards that are meant: file → types. Everything else upwards is an error.
    private static let exceptions: [String: Set<String>] = [
        // The extension of KAN that moves grids lives with the grids.
        "SwiftKAN/Grid/GridTransfer.swift": ["KAN", "LayerShape", "Settings", "Evaluation"],
        "SwiftKAN/Grid/KnotPlacement.swift": ["KAN"],
        "SwiftKAN/Basis/BaseFunctionRows.swift": ["BaseFunction"],
        // Long calls ask whether they should end, and predictions give statistics.
        "SwiftKAN/Network/KAN.swift": ["Checkpoint"],
        "SwiftKAN/Network/Evaluator.swift": ["Checkpoint", "LayerMoments", "LayerDeviations", "BackwardScores", "WidePenalty"],
        "SwiftKAN/Network/Predict.swift": ["LayerDeviations"],
    ]

    @Test func theSourcesAreThere() {
        #expect(directory("SwiftKAN").count > 40 && directory("SwiftKANBridge").count >= 5)
        #expect(directory("SwiftKAN/Training").flatMap(\.declared).contains("LBFGS"))
    }

    @Test func layersUseOnlyWhatIsBelow() {
        var above: Set<String> = []
        for layer in Self.layers.reversed() {
            for file in layer.flatMap({ directory("SwiftKAN/\($0)") }) {
                // Exactly the exceptions: one that is no longer needed goes, too.
                let upwards = file.words.intersection(above)
                #expect(upwards == Self.exceptions[file.path] ?? [], "\(file.path) uses \(upwards.sorted()), which stand above it")
            }
            above.formUnion(layer.flatMap { directory("SwiftKAN/\($0)") }.flatMap(\.declared))
        }
        #expect(above.count > 40)
    }

    @Test func imports() {
        for file in sources {
            let allowed: Set<String>
            switch file.path {
            case "SwiftKAN/Platform/Platform.swift": allowed = ["Glibc", "Musl", "Darwin", "CPlatform"]
            case "SwiftKAN/Platform/ThreadPool.swift": allowed = ["CPlatform", "Synchronization"]
            case "SwiftKAN/Numerics/LeastSquares.swift", "SwiftKAN/Training/LevenbergMarquardtSolve.swift": allowed = ["CLAPACK"]
            case "SwiftKAN/Numerics/KANVector.swift", "SwiftKAN/Numerics/VectorOperations.swift", "SwiftKAN/Basis/CellSearch.swift",
                "SwiftKAN/Basis/CellTables.swift":
                allowed = ["CVector"]
            case let path where path.hasPrefix("SwiftKANBridge/"): allowed = ["SwiftKAN", "CSwiftKAN"]
            default: allowed = ["Synchronization"]
            }
            #expect(file.imports.isSubset(of: allowed), "\(file.path) imports \(file.imports.subtracting(allowed).sorted())")
        }
        #expect(directory("SwiftKANBridge").contains { $0.imports.contains("CSwiftKAN") })
    }

    /// No argument of the C interface may end the process.
    @Test func theBridgeCannotTrap() {
        for file in directory("SwiftKANBridge") {
            for word in ["try!", "as!", "fatalError", "preconditionFailure", "precondition(", "assert(", "unowned(unsafe)"] {
                #expect(!file.code.contains(word), "\(file.path) has \(word)")
            }
            // Forced unwrapping: a name, bracket or parenthesis followed by !, in an expression. In signatures Type! is C's own.
            for line in file.code.split(separator: "\n") where line.contains(/[\w\)\]]!(?!=)/) {
                let isSignature = line.contains(/^\s*(_ \w+: |\) -> |public func )/) || line.contains(/\w+<[^>]*>!|Pointer!/)
                // The name field of a block is a tuple of bytes, never empty.
                let isKnown = line.contains("name.baseAddress!")
                #expect(isSignature || isKnown, "\(file.path): \(line)")
            }
        }
    }

    @Test func everyFileSaysWhatItIsFor() {
        for file in sources {
            #expect(file.text.hasPrefix("// ") && file.text.prefix(while: { $0 != "\n" }).count > 20, "\(file.path)")
            #expect(file.text.split(separator: "\n", omittingEmptySubsequences: false).count <= 400, "\(file.path) is too long")
        }
    }
}
