using System.CommandLine;

namespace Metering.Cli;

/// <summary><c>metering migrate</c>: brings a store to this build's schema, and says what it did.</summary>
internal static class MigrateCommand
{
    public static Command Create(ToolTerminal terminal)
    {
        var store = StoreOption.Create("The store to migrate; it must not be in use. Make a backup first: an older build cannot read it afterwards.");
        var command = new Command("migrate", "Bring a store to this build's schema.") { store };
        command.SetAction((parsed, cancellationToken) => RunAsync(terminal, StoreLocation.Parse(parsed.GetRequiredValue(store)), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(ToolTerminal terminal, StoreLocation location, CancellationToken cancellationToken)
    {
        foreach (var line in await location.MigrateAsync(cancellationToken))
        {
            await terminal.Output.WriteLineAsync(line);
        }

        return ExitCode.Done;
    }
}
