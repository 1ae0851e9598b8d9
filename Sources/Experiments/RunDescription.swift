import Demonstrations
import Torch

/// What a run was made of: `run.json`.
public struct RunDescription: Codable, Equatable, Sendable {
  public enum Kind: String, Codable, Sendable {
    case worldModel = "world-model"
    case agent
  }
  /// A dataset as it was when the run began.
  public struct Source: Codable, Equatable, Sendable {
    public let path: String
    public let fingerprint: String
  }

  /// Raised when a file of a run changes its meaning.
  public static let currentFormat = 1

  public var format = currentFormat
  public let kind: Kind
  public let seed: UInt64
  public let device: Device
  public let precision: Precision
  public let data: [Source]
  /// Episodes of the first dataset that are trained on; 0 stands for all.
  public let useEpisodes: Int
  /// Where an agent's world model came from.
  public let worldModel: String
  public let channels: Int
  public let side: Int
  public let actionCount: Int
  /// Commit and libtorch that began it.
  public let version: String
}
