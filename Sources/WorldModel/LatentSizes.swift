import Configuration

/// The sizes of a world model's networks and of its latent state. Source: DITTO, section 3.2; sizes of the presets in `docs/`.
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
    for (key, value) in [("depth", depth), ("deterministic", deterministic), ("hidden", hidden), ("groups", groups)] {
      problems.require(value >= 1, key, "is \(value), must be at least 1")
    }
    problems.require(classes >= 2 && classes <= 256, "classes", "is \(classes), must be from 2 to 256")
  }
}
