using System.CommandLine;

namespace Metering.Cli;

/// <summary>The option that names the store of a command.</summary>
internal static class StoreOption
{
    // Where a server without configuration keeps its data.
    private const string Default = "metering-data";

    public static Option<string> Create(string description) =>
        new("--store") { Description = description, HelpName = "STORE", DefaultValueFactory = _ => Default };
}
