using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Metering.Samples.LeadSearch.Companies;

namespace Metering.Samples.LeadSearch.Routes;

/// <summary>JSON of this service's answers.</summary>
[JsonSerializable(typeof(SearchAnswer))]
[JsonSerializable(typeof(CompanyAnswer))]
[JsonSerializable(typeof(SignalsAnswer))]
[JsonSerializable(typeof(ChoiceAnswer[]))]
[JsonSerializable(typeof(PriceAnswer[]))]
internal sealed partial class LeadSearchJson : JsonSerializerContext
{
    // Names of all scripts stay readable in a terminal. Answers are application/json with no sniffing, so HTML needs no escapes.
    public static LeadSearchJson Wire { get; } = new(new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}

/// <summary>The names that answers use for <see cref="AreaKind"/>.</summary>
internal static class AreaKindNames
{
    public static string ToName(this AreaKind kind) => kind switch
    {
        AreaKind.Country => "country",
        AreaKind.Region => "region",
        AreaKind.Group => "group",
        AreaKind.Worldwide => "worldwide",
        AreaKind.Other => "other",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of area."),
    };
}
