import Settings

/// The sizes of a world model's networks and of its latent state. Source: DITTO, section 3.2; sizes of the presets in
/// `docs/`.
public struct LatentSizes: Configuration {
  /// Channels of the encoder's first convolution; later ones have 2, 4 (and 8) times as many.
  public var depth = 16
  /// Size `D` of the deterministic state `h`.
  public var deterministic = 256
  /// Width `N` of the RSSM's hidden layers.
  public var hidden = 256
  /// Number `S` of categorical variables in `z`.
  public var groups = 16
  /// Classes `K` of each of them.
  public var classes = 16

  public init() {}

  /// Length of `z` as one vector, `S · K`.
  public var stochastic: Int { groups * classes }
  /// Length of the model state `ŝ = (h, z)`.
  public var features: Int { deterministic + stochastic }

  public func check(_ problems: inout Problems) {
    problems.require(depth, in: 1...1024, "depth")
    problems.require(deterministic, in: 1...65_536, "deterministic")
    problems.require(hidden, in: 1...65_536, "hidden")
    problems.require(groups, in: 1...1024, "groups")
    problems.require(classes, in: 2...256, "classes")
  }
}
