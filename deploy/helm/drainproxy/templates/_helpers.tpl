{{- define "drainproxy.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Cut at 50: what is derived from it must fit into the 63 characters of a DNS label. */}}
{{- define "drainproxy.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "drainproxy.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "drainproxy.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: drainproxy
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "drainproxy.selectorLabels" -}}
app.kubernetes.io/name: {{ include "drainproxy.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: webhook
{{- end }}

{{- define "drainproxy.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "drainproxy.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "drainproxy.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "drainproxy.proxyImage" -}}
{{- $repository := .Values.proxy.image.repository | default .Values.image.repository }}
{{- $tag := .Values.proxy.image.tag | default .Values.image.tag | default .Chart.AppVersion }}
{{- $repository }}:{{ $tag }}
{{- end }}

{{/* Whether the webhook makes its certificate itself, and keeps it in a Secret. */}}
{{- define "drainproxy.keepsCertificate" -}}
{{- if not (or .Values.certManager.enabled .Values.webhook.externalSecret .Values.webhook.crtPEM .Values.webhook.keyPEM) }}true{{ end }}
{{- end }}

{{- define "drainproxy.secretName" -}}
{{- $end := ternary "webhook-certificate" "webhook-tls" (include "drainproxy.keepsCertificate" . | eq "true") }}
{{- .Values.webhook.secretName | default (printf "%s-%s" (include "drainproxy.fullname" .) $end) }}
{{- end }}

{{- define "drainproxy.readsNamespaces" -}}
{{- if or (eq .Values.webhook.namespaceAnnotations "api") .Values.webhook.watchServices }}true{{ end }}
{{- end }}

{{- define "drainproxy.asksApi" -}}
{{- if or (include "drainproxy.readsNamespaces" .) .Values.webhook.events (include "drainproxy.keepsCertificate" .) }}true{{ end }}
{{- end }}

{{/* Before 1.33 the name of a port is not found at a native sidecar (kubernetes#128850). */}}
{{- define "drainproxy.defaults" -}}
{{- $defaults := deepCopy .Values.proxy.defaults }}
{{- $version := .Values.kubeVersion | default .Capabilities.KubeVersion.Version }}
{{- if and (semverCompare "<1.33-0" $version) (not (hasKey $defaults "native-sidecar")) }}
{{- $_ := set $defaults "native-sidecar" false }}
{{- end }}
{{- toYaml $defaults }}
{{- end }}
