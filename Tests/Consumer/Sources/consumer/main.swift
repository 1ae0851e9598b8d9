import Ditto

let agent = try Agent.load("runs/agent")
agent.reset()
let action = try agent.act(on: [UInt8](repeating: 0, count: agent.observation.frameSize))
print(action)
