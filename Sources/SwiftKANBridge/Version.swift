// The number of the C interface.

import CSwiftKAN
import SwiftKAN

@_cdecl("swiftkan_abi") @implementation
public func swiftkan_abi() -> Int32 { SWIFTKAN_ABI }
