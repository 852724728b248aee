// Constant: small numbers as types, so that the compiler makes a copy of a function for every such number that it is called with.
//
// What it must get right: a kernel's loops over vectors, degrees and table rows have no counters at run time.

public protocol Constant {
    static var value: Int { get }
}
public enum One: Constant { @inline(__always) public static var value: Int { 1 } }
public enum Two: Constant { @inline(__always) public static var value: Int { 2 } }
public enum Three: Constant { @inline(__always) public static var value: Int { 3 } }
public enum Four: Constant { @inline(__always) public static var value: Int { 4 } }
public enum Five: Constant { @inline(__always) public static var value: Int { 5 } }
public enum Sixteen: Constant { @inline(__always) public static var value: Int { 16 } }
public enum ThirtyTwo: Constant { @inline(__always) public static var value: Int { 32 } }
