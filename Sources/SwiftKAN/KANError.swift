// KANError: the one error type of the engine. A message says which argument, what it was, and what is allowed.

/// Why a call was refused or ended. `description` is a whole sentence for the user.
public enum KANError: Error, Equatable, Sendable, CustomStringConvertible {
    /// An argument is not allowed; nothing was changed.
    case invalid(String)
    /// An allocation of this many bytes failed; nothing was changed.
    case noMemory(Int)
    /// A callback asked to stop.
    case cancelled
    /// A fault of the library itself.
    case `internal`(String)

    public var description: String {
        switch self {
        case .invalid(let message): message
        case .noMemory(let bytes): "out of memory: \(bytes) bytes could not be had"
        case .cancelled: "cancelled by a callback"
        case .internal(let message): "internal error of swiftkan, please report it: \(message)"
        }
    }
}
