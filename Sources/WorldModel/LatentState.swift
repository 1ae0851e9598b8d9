import Torch

/// Model states `ŝ = (h, z)`, of one step `[B, …]` or of a sequence `[T, B, …]`.
public struct LatentState {
  /// `h`, `[…, D]`.
  public let deterministic: Tensor
  /// `z`, one-hot in each of its groups, `[…, S·K]`.
  public let stochastic: Tensor

  public init(deterministic: Tensor, stochastic: Tensor) {
    self.deterministic = deterministic
    self.stochastic = stochastic
  }

  /// The state before anything was seen: zeros.
  public static func zero(_ sizes: LatentSizes, batch: Int, on device: Device) -> LatentState {
    LatentState(
      deterministic: .zeros([batch, sizes.deterministic], on: device),
      stochastic: .zeros([batch, sizes.stochastic], on: device))
  }

  /// `h` and `z` side by side: the input of every head, `[…, D + S·K]`.
  public var features: Tensor { concatenated([deterministic, stochastic], axis: -1) }

  public func detached() -> LatentState {
    LatentState(deterministic: deterministic.detached(), stochastic: stochastic.detached())
  }

  /// Forgets everything where `keep` `[B, 1]` is 0.
  public func masked(by keep: Tensor) -> LatentState {
    LatentState(deterministic: deterministic * keep, stochastic: stochastic * keep)
  }
}
