using Metering.Gateway;

namespace Metering.Server;

/// <summary>The server: the meter and the gateway, and nothing of its own.</summary>
internal static class MeteringServer
{
    private static readonly MeteringProgram Program = new()
    {
        Name = "Metering",
        Purpose = "A credit meter in one process.",
        Project = "src/Metering.Server",
        DefaultUrl = "http://127.0.0.1:5080",
        DefaultData = MeteringConfiguration.DefaultData,
        Introduce = (key, url) => $$"""
            curl -H "X-API-Key: {{key}}" {{url}}/v1/credits
            curl -H "X-API-Key: {{key}}" -H "Content-Type: application/json" -d '{"amount": 43}' {{url}}/v1/credits/deduct
            curl -H "Authorization: Bearer {{key}}" {{url}}/api/v1/credits/balance
            """,
    };

    /// <summary>Runs until the host is told to stop.</summary>
    /// <returns>The exit code.</returns>
    public static Task<int> RunAsync(IReadOnlyList<string> args, TextWriter output, TextWriter errors) => Program.RunAsync(args, output, errors);
}
