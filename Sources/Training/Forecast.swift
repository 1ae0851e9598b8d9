import Demonstrations
import Runs
import Torch

/// What a run will take, measured on a few of its steps.
public struct Forecast: CustomStringConvertible {
  public let steps: Int
  public let secondsPerStep: Double
  /// Of fitting rewards before the first step, where that is still to be done.
  public var fittingSeconds = 0.0
  /// Of cloning the expert before it, where an agent begins as a clone and that is still to be done.
  public var cloningSeconds = 0.0
  /// The most resident memory, in GiB, of these steps, a validation and the writing of a checkpoint; and the most on
  /// the device, where that is not the CPU.
  public let memory: Double
  public var deviceMemory: Double?

  public var description: String {
    let time = Uptime.description(fittingSeconds + cloningSeconds + Double(steps) * secondsPerStep)
    let before = [(fittingSeconds, "fitting rewards"), (cloningSeconds, "cloning")].map { seconds, what in
      seconds > 0 ? " and \(Uptime.description(seconds)) of \(what)" : ""
    }.joined()
    let onDevice = deviceMemory.map { String(format: ", %.2f GiB on the device", $0) } ?? ""
    return "forecast: \(time) for \(steps) steps"
      + String(format: " of %.3g s%@, %.2f GiB of memory", secondsPerStep, before, memory) + onDevice
  }

  /// Watches the first steps of a run.
  struct Watch {
    /// Steps that are not counted, since libraries set themselves up in them, and steps that are.
    private static let (warmUp, counted) = (2, 5)
    static let steps = warmUp + counted

    private let first: Int
    private let last: Int
    private var begun = 0.0

    /// - Parameters:
    ///   - first: steps made before the run goes on.
    ///   - last: steps when it is done.
    init(first: Int, last: Int) { (self.first, self.last) = (first, last) }

    /// To be called after each step, counted from 1; the forecast of the steps that are left comes once.
    mutating func forecast(after step: Int, of trainer: any Trainer, _ metrics: Metrics) throws -> Forecast? {
      guard step == first + Self.warmUp || step == first + Self.steps else { return nil }
      _ = metrics.first?.value.item  // the device has done it when this is known
      if step == first + Self.warmUp { begun = Uptime.seconds }
      guard step == first + Self.steps else { return nil }
      let seconds = (Uptime.seconds - begun) / Double(Self.counted)
      // What a run does besides is not counted in time, but it needs room.
      _ = try trainer.validate()
      for _ in Safetensors.pieces(of: trainer.learner.state) {}
      let device = trainer.learner.state.first?.tensor.device ?? .cpu
      return Forecast(
        steps: last - step, secondsPerStep: seconds, memory: ProcessMemory.peak,
        deviceMemory: device == .cpu ? nil : device.peakMemory)
    }
  }
}

extension Trainer {
  /// Makes a few steps from the beginning, to forecast all of them.
  func forecast(steps: Int) throws -> Forecast {
    var watch = Forecast.Watch(first: 0, last: steps + Forecast.Watch.steps)
    var step = 0
    while true {
      let metrics = try update(step: step)
      step += 1
      try Interruption.check("stopped before the forecast was made")
      if var forecast = try watch.forecast(after: step, of: self, metrics) {
        (forecast.fittingSeconds, forecast.cloningSeconds) = (fittingSeconds, try beginningSeconds())
        return forecast
      }
    }
  }
}
