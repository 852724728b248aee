// The C interface: making, copying, compiling, destroying and describing models. See swiftkan.h.

import CSwiftKAN
import SwiftKAN

@_cdecl("swiftkan_abi") @implementation
public func swiftkan_abi() -> Int32 { SWIFTKAN_ABI }

@_cdecl("swiftkan_settings_init") @implementation
public func swiftkan_settings_init(_ settings: UnsafeMutablePointer<swiftkan_settings>!) {
    guard let settings else { return }
    let defaults = Settings(width: [])
    var s = swiftkan_settings()
    s.dtype = Int32(swiftkan_dtype.SWIFTKAN_FLOAT64.rawValue)
    s.base_fun = Int32(defaults.baseFunction.rawValue)
    s.noise_scale = defaults.noiseScale
    s.scale_base_mu = defaults.scaleBaseMu
    s.scale_base_sigma = defaults.scaleBaseSigma
    s.grid_eps = defaults.gridEps
    s.grid_range = defaults.gridRange
    s.affine_trainable = defaults.affineTrainable ? 1 : 0
    s.sp_trainable = defaults.scaleSpTrainable ? 1 : 0
    s.sb_trainable = defaults.scaleBaseTrainable ? 1 : 0
    s.sparse_init = defaults.sparseInit ? 1 : 0
    s.symbolic_enabled = defaults.symbolicEnabled ? 1 : 0
    s.seed = defaults.seed
    settings.pointee = s
}

@_cdecl("swiftkan_create") @implementation
public func swiftkan_create(
    _ settings: UnsafePointer<swiftkan_settings>!, _ model: UnsafeMutablePointer<OpaquePointer?>!,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    funnel(message) { () throws(KANError) in
        let target = try checkedPointer(model, "model")
        let s = try checkedPointer(settings, "settings").pointee
        let checked = try s.checked()
        switch s.dtype {
        case Int32(swiftkan_dtype.SWIFTKAN_FLOAT32.rawValue): target.pointee = ModelBox(try KAN<Float>(checked)).retained()
        case Int32(swiftkan_dtype.SWIFTKAN_FLOAT64.rawValue): target.pointee = ModelBox(try KAN<Double>(checked)).retained()
        default: throw .invalid("dtype is \(s.dtype); it must be SWIFTKAN_FLOAT32 (4) or SWIFTKAN_FLOAT64 (8)")
        }
    }
}

/// Sets `target` to a handle of what `make` makes of the model.
private func make(
    _ target: UnsafeMutablePointer<OpaquePointer?>?, _ name: String, from model: OpaquePointer?, _ message: UnsafeMutablePointer<CChar>?,
    _ make: (any BridgedModel) throws(KANError) -> any BridgedModel
) -> swiftkan_status {
    onModel(model, message) { (model) throws(KANError) in
        let target = try checkedPointer(target, name)
        target.pointee = ModelBox(try make(model)).retained()
    }
}

@_cdecl("swiftkan_copy") @implementation
public func swiftkan_copy(
    _ model: OpaquePointer!, _ copy: UnsafeMutablePointer<OpaquePointer?>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    make(copy, "copy", from: model, message) { (model) throws(KANError) in try model.copied() }
}

@_cdecl("swiftkan_compile") @implementation
public func swiftkan_compile(
    _ model: OpaquePointer!, _ compiled: UnsafeMutablePointer<OpaquePointer?>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    make(compiled, "compiled", from: model, message) { (model) throws(KANError) in try model.compiledModel() }
}

@_cdecl("swiftkan_destroy") @implementation
public func swiftkan_destroy(_ model: OpaquePointer!) {
    guard let model else { return }
    Unmanaged<ModelBox>.fromOpaque(UnsafeRawPointer(model)).release()
}

@_cdecl("swiftkan_info_get") @implementation
public func swiftkan_info_get(
    _ model: OpaquePointer!, _ info: UnsafeMutablePointer<swiftkan_info>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    // Nothing of this ever changes, so it needs no lock.
    funnel(message) { () throws(KANError) in
        let target = try checkedPointer(info, "info")
        let model = try ModelBox.from(model).model
        let a = model.architecture
        target.pointee = swiftkan_info(
            dtype: Int32(model.dtype.rawValue), base_fun: Int32(model.baseFunction.rawValue), depth: Int64(a.depth),
            input_count: Int64(a.inputs), output_count: Int64(a.outputs), parameter_count: Int64(a.parameterCount),
            state_count: Int64(a.stateCount), block_count: Int64(a.blocks.count), state: model.rawState)
    }
}

@_cdecl("swiftkan_block_get") @implementation
public func swiftkan_block_get(
    _ model: OpaquePointer!, _ index: Int64, _ block: UnsafeMutablePointer<swiftkan_block>!,
    _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    funnel(message) { () throws(KANError) in
        let target = try checkedPointer(block, "block")
        let model = try ModelBox.from(model).model
        let blocks = model.architecture.blocks
        guard index >= 0, index < Int64(blocks.count) else {
            throw .invalid("index is \(index); it must be 0 … \(blocks.count - 1)")
        }
        let found = blocks[Int(index)]
        var b = swiftkan_block()
        withUnsafeMutableBytes(of: &b.name) { name in
            copy(found.name, to: name.baseAddress!.assumingMemoryBound(to: CChar.self), capacity: name.count)
        }
        b.offset = Int64(found.offset)
        b.count = Int64(found.count)
        b.ndim = Int32(found.shape.count)
        b.trainable = model.isTrainable(found) ? 1 : 0
        let shape = found.shape.map { Int64($0) } + [1, 1]
        b.shape = (shape[0], shape[1], shape[2])
        target.pointee = b
    }
}

@_cdecl("swiftkan_flags_get") @implementation
public func swiftkan_flags_get(
    _ model: OpaquePointer!, _ flags: UnsafeMutablePointer<swiftkan_flags>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    onModel(model, message) { (model) throws(KANError) in
        try checkedPointer(flags, "flags").pointee = swiftkan_flags(
            affine_trainable: model.affineTrainable ? 1 : 0, sp_trainable: model.scaleSpTrainable ? 1 : 0,
            sb_trainable: model.scaleBaseTrainable ? 1 : 0, symbolic_enabled: model.symbolicEnabled ? 1 : 0,
            grid_eps: model.gridEps)
    }
}

@_cdecl("swiftkan_flags_set") @implementation
public func swiftkan_flags_set(
    _ model: OpaquePointer!, _ flags: UnsafePointer<swiftkan_flags>!, _ message: UnsafeMutablePointer<CChar>!
) -> swiftkan_status {
    changingModel(model, message) { (model) throws(KANError) in
        let f = try checkedPointer(flags, "flags").pointee
        guard f.grid_eps >= 0, f.grid_eps <= 1 else {
            throw .invalid("grid_eps is \(f.grid_eps); it must be between 0 (quantiles) and 1 (uniform)")
        }
        model.affineTrainable = f.affine_trainable != 0
        model.scaleSpTrainable = f.sp_trainable != 0
        model.scaleBaseTrainable = f.sb_trainable != 0
        model.symbolicEnabled = f.symbolic_enabled != 0
        model.gridEps = f.grid_eps
    }
}

extension swiftkan_settings {
    /// The engine's settings; what they mean together is checked there.
    func checked() throws(KANError) -> Settings {
        guard depth >= 1, depth <= 10_000 else { throw .invalid("depth is \(depth); it must be 1 … 10000 layers") }
        let layers = Int(depth)
        func numbers(_ p: UnsafePointer<Int64>?, _ count: Int, _ name: String) throws(KANError) -> [Int] {
            if count == 0 { return [] }
            let p = try checkedPointer(p, name)
            return (0..<count).map { Int(p[$0]) }
        }
        let mult = try numbers(n_mult, layers + 1, "n_mult")
        var total = 0
        for (level, count) in mult.enumerated() {
            guard count >= 0, count <= 1 << 24 else {
                throw .invalid("n_mult[\(level)] is \(count); it must be 0 … \(1 << 24)")
            }
            total += count
        }
        var s = Settings(
            sums: try numbers(n_sum, layers + 1, "n_sum"), multiplications: mult,
            arities: try numbers(mult_arity, total, "mult_arity"), grid: try numbers(grid, layers, "grid"),
            k: try numbers(k, layers, "k"))
        s.baseFunction = try checkedCase(base_fun, BaseFunction.self, "base_fun")
        s.noiseScale = noise_scale
        s.scaleBaseMu = scale_base_mu
        s.scaleBaseSigma = scale_base_sigma
        s.gridEps = grid_eps
        s.gridRange = grid_range
        s.affineTrainable = affine_trainable != 0
        s.scaleSpTrainable = sp_trainable != 0
        s.scaleBaseTrainable = sb_trainable != 0
        s.sparseInit = sparse_init != 0
        s.symbolicEnabled = symbolic_enabled != 0
        s.seed = seed
        return s
    }
}
