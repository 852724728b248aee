// swift-tools-version: 6.2
import PackageDescription

// A program of its own that uses swiftkan as any Swift package would. In a package elsewhere, replace the path by the
// repository's address. Run it with `swift run -c release`.
let package = Package(
    name: "FitFormula",
    dependencies: [.package(name: "SwiftKAN", path: "../..")],
    targets: [
        .executableTarget(name: "FitFormula", dependencies: [.product(name: "SwiftKAN", package: "SwiftKAN")])
    ]
)
