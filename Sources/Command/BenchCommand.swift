import ArgumentParser
import Benchmarking
import Foundation
import Settings
import Spaces
import Torch
import Training
import WorldModel

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures the pieces of work that a configuration asks for, on made-up data.",
    discussion: """
      world-model and agent are gradient steps; encode is 16 episodes of 512 frames to latents; act is one observation to one action, in f32 \
      with weights stored in --dtype; data is a batch of sequences through the prefetching reader, from the datasets in --data, or else from episodes of the road recorded \
      for this, of which nothing is kept in memory. parity compares what --device computes with what the CPU does, and fails where they differ by more than rounding. \
      --set changes the agent's settings for agent, the world model's for the others. Without any work it says what --device is, and by which libtorch.
      """)

  enum Work: String, ExpressibleByArgument, CaseIterable {
    case worldModel = "world-model"
    case agent, encode, act, data, parity
  }

  @Argument(help: "What to measure.") var work: Work?
  @Option(
    parsing: .singleValue,
    help: .init("For data: a dataset's folder; may be given several times.", valueName: "dataset")) var data: [String] =
      []
  @Option(help: "Repetitions that are measured, after two to warm up (for act and data, hundreds).") var repeats = 3
  @Option(help: .init("Height, width and channels of frames, such as 96x96x3.", valueName: "shape")) var frame =
    "64x64x1"
  @Flag(help: "Print one JSON document.") var json = false
  @OptionGroup var settings: ConfigurationOptions
  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    guard (1...1_000_000).contains(repeats) else {
      throw ValidationError("--repeats is \(repeats), must be from 1 to 1000000")
    }
    _ = try shape()
    guard work == .data || data.isEmpty else { throw ValidationError("--data goes with 'bench data' only") }
  }

  private func shape() throws -> FrameShape {
    let sizes = frame.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard sizes.count == 3, let height = sizes[0], let width = sizes[1], let channels = sizes[2],
      ObservationSpace(channels: channels, height: height, width: width).isSupported
    else {
      throw ValidationError("--frame is '\(frame)', must be height, width and channels, such as 64x64x1 or 96x96x3")
    }
    return FrameShape(channels: channels, height: height, width: width)
  }

  func run() throws {
    let chosen = try compute.apply()
    guard let work else { return try printResult(DeviceFacts(chosen.device), json: json) }
    if work == .parity {
      let parity = try DeviceParity(chosen.device)
      try printResult(parity, json: json)
      guard parity.agrees else { throw ExitCode.failure }
      return
    }
    let layers = try Presets.layers(settings.config)
    let world = try WorldModelConfiguration.load(
      .worldModel, from: layers, overrides: work == .agent ? [] : settings.overrides)
    let agent = try AgentConfiguration.load(layers, overrides: work == .agent ? settings.overrides : [])
    guard work != .agent || agent.method.dreams else {
      throw ValidationError(
        "'bench agent' measures learning in dreams; method '\(agent.method)' clones, so leave it out or take ditto or dgail"
      )
    }
    let benchmark = try Benchmark(world, agent, frame: shape(), chosen, repeats: repeats)
    let result =
      switch work {
      case .worldModel: benchmark.worldModel()
      case .agent: try benchmark.agentStep()
      case .encode: try benchmark.encode()
      case .act: try benchmark.act()
      case .data: try benchmark.data(data.map { URL(fileURLWithPath: $0) })
      case .parity: preconditionFailure("it is no measurement")
      }
    try printResult(result, json: json)
  }
}

/// What there is to compute with.
private struct DeviceFacts: Encodable, CustomStringConvertible {
  let device: Device
  let deviceFacts: String
  let libtorch = Libtorch.version

  init(_ device: Device) { (self.device, deviceFacts) = (device, device.facts) }

  var description: String { "\(deviceFacts), libtorch \(libtorch)" }
}
