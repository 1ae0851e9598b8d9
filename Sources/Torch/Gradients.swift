import CTorch

/// Runs `body` without recording a graph: nothing in it takes part in gradients.
public func noGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
  let before = ct_set_recording(false)
  defer { _ = ct_set_recording(before) }
  return try body()
}

/// Runs `body` with matrix products and convolutions in `precision`.
public func computing<Result>(in precision: Precision, on device: Device = .cpu, _ body: () throws -> Result) rethrows
  -> Result
{
  let before = ct_set_autocast(device.c, precision == .bf16)
  defer {
    _ = ct_set_autocast(device.c, before)
    if !before { ct_clear_autocast_cache() }
  }
  return try body()
}

extension Tensor {
  /// The same values, cut off from the graph: the paper's `sg(·)`.
  public func detached() -> Tensor { call("detach", self) { ct_detach(handle, $0) } }

  /// Whether gradients can be taken through it.
  public var takesGradient: Bool { ct_requires_gradient(handle) }

  /// A copy-free leaf that gradients can be taken for.
  public func requiringGradient() -> Tensor {
    let leaf = detached()
    check(ct_set_requires_gradient(leaf.handle, true), "require a gradient", [leaf])
    return leaf
  }
}

/// The gradients of a scalar with respect to `inputs`; `nil` where it does not depend on one.
public func gradients(of scalar: Tensor, withRespectTo inputs: [Tensor]) -> [Tensor?] {
  var outs = [CTTensor](repeating: CTTensor(), count: inputs.count)
  check(ct_gradients(scalar.handle, inputs.map(\.handle), Int32(inputs.count), &outs), "gradients", [scalar])
  return outs.map { $0.pointer == nil ? nil : Tensor(owning: $0) }
}
