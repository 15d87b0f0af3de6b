using Metering.Engine;

namespace Metering.Gateway;

/// <summary>The command line. What it sets wins over the environment and appsettings.json.</summary>
internal sealed record ProgramArguments
{
    public static string HelpOf(MeteringProgram program) => $"""
        {program.Name}: {program.Purpose}

        Usage: dotnet run --project {program.Project} -- [options]

          --urls URLS      Where to listen, separated by semicolons; default {program.DefaultUrl}
          --data FOLDER    Where the ledger is, made where it is missing; default {program.DefaultData}
          --store STORE    sqlite (default), postgres, or memory: nothing outlasts the process
          --connection TEXT
                           PostgreSQL's connection string, for --store postgres: "Host=…;Username=…;Password=…;Database=…"
          --new-demo-key   Print a new key of the demo account; older keys go on working
          --new-admin-key  Print a new key for /admin/v1; older keys go on working
          --print-config   Print every setting in force with its source, passwords and keys masked, and exit
          --verify         Check the whole ledger in the data folder and exit: 0 where it is sound, else 1
          --help           Print this and exit

        Everything can also be set by appsettings.json in the current folder and by the environment: urls (URLS), Metering:Data
        (Metering__Data), Metering:Store, Metering:Connection, Metering:PostgreSql:…, Metering:QueueCapacity, Metering:MaxBatch, Metering:MemoryBudgetBytes,
        Metering:SnapshotInterval, Metering:GraceDays, Metering:MaxBacklogBytes, Metering:MaxBacklogEntries, Metering:Due:…, Metering:ApiKeys:Prefixes, Metering:Admin:KeyHash, Metering:Products:ID:…, Metering:Plans:ID:…,
        Metering:Payments:…, Metering:Settings:…, Metering:Suggestions:…{string.Concat(program.Settings.Select(setting => $", Metering:{setting}:…"))}
        """;

    private static readonly Dictionary<string, string> SettingOfFlag = new()
    {
        ["--urls"] = "urls",
        ["--data"] = "Metering:Data",
        ["--store"] = "Metering:Store",
        ["--connection"] = "Metering:Connection",
    };

    /// <summary>Settings by their configuration keys.</summary>
    public required IReadOnlyDictionary<string, string?> Settings { get; init; }

    public bool WantsHelp { get; init; }

    public bool WantsNewDemoKey { get; init; }

    public bool WantsNewAdminKey { get; init; }

    public bool WantsVerification { get; init; }

    public bool WantsConfiguration { get; init; }

    /// <summary>The flag that set a setting; null where none did.</summary>
    public string? FlagOf(string path) => Settings.ContainsKey(path) ? SettingOfFlag.FirstOrDefault(pair => pair.Value == path).Key : null;

    /// <summary>Reads the command line.</summary>
    /// <exception cref="MeteringStartupException">A flag is unknown, has no value, or has one too many.</exception>
    public static ProgramArguments Parse(IReadOnlyList<string> args)
    {
        var settings = new Dictionary<string, string?>();
        var arguments = new ProgramArguments { Settings = settings };
        for (var index = 0; index < args.Count; index++)
        {
            var (flag, value) = args[index].Split('=', 2) is [var left, var right] ? (left, right) : (args[index], null);
            if (SettingOfFlag.TryGetValue(flag, out var setting))
            {
                value ??= index + 1 < args.Count ? args[++index] : null;
                settings[setting] = !string.IsNullOrEmpty(value) ? value : throw new MeteringStartupException($"{flag} needs a value; see --help.");
                continue;
            }

            arguments = (flag, value) switch
            {
                ("--help" or "-h" or "-?", null) => arguments with { WantsHelp = true },
                ("--new-demo-key", null) => arguments with { WantsNewDemoKey = true },
                ("--new-admin-key", null) => arguments with { WantsNewAdminKey = true },
                ("--verify", null) => arguments with { WantsVerification = true },
                ("--print-config", null) => arguments with { WantsConfiguration = true },
                ("--help" or "-h" or "-?" or "--new-demo-key" or "--new-admin-key" or "--verify" or "--print-config", _) => throw new MeteringStartupException($"{flag} takes no value; see --help."),

                // Not what follows a "=": behind a mistyped name may stand a connection string, which holds a password.
                _ => throw new MeteringStartupException($"{flag} is not an option; allowed: --urls, --data, --store, --connection, --new-demo-key, --new-admin-key, --print-config, --verify, --help."),
            };
        }

        return arguments;
    }
}
