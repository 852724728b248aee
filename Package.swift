// swift-tools-version: 6.2
import PackageDescription

// The engine (SwiftKAN), its C interface (CSwiftKAN: the header; SwiftKANBridge: the functions) and, in C, the LAPACK
// declarations, what Swift cannot import of the system (CPlatform), and the arithmetic of vectors (CVector). setup.py links
// SwiftKANStatic into the Python extension; Swift users import SwiftKAN.
let package = Package(
    name: "SwiftKAN",
    products: [
        .library(name: "SwiftKAN", targets: ["SwiftKAN"]),
        .library(name: "SwiftKANStatic", type: .static, targets: ["SwiftKANBridge"]),
    ],
    targets: [
        // MARK: - Public API
        .target(name: "SwiftKAN", dependencies: ["CLAPACK", "CPlatform", "CVector"]),
        .target(name: "CSwiftKAN"),
        .target(name: "SwiftKANBridge", dependencies: ["SwiftKAN", "CSwiftKAN"]),

        // MARK: - Implementation details
        .target(name: "CPlatform"),
        .target(name: "CVector"),
        .target(
            name: "CLAPACK",
            linkerSettings: [.linkedLibrary("lapack"), .linkedLibrary("blas")]),

        // MARK: - Tests
        .executableTarget(name: "ABITests", dependencies: ["SwiftKANBridge", "CSwiftKAN"], path: "Tests/ABI"),
        .testTarget(name: "SwiftKANTests", dependencies: ["SwiftKAN", "SwiftKANBridge", "CSwiftKAN", "CLAPACK"]),
    ]
)
